using System.CommandLine;

namespace DCCL.Cli.Verbs;

/// <summary><c>dccl personalize</c>: a patch for every user, or for one.</summary>
internal static class PersonalizeVerb
{
    public static Command Create(ToolConsole console, CancellationToken cancellation)
    {
        Option<string?> user = new("--user", "-u") { HelpName = "ID", Description = "Learn for this user only; all others keep what they have." };
        return LearningVerb.Create(
            "personalize",
            "Learns a patch of a few numbers for every user of a log. A patch that does not help on events held back from it is not kept.",
            user,
            console,
            (training, model, log) => training.Personalize(model, log.Device),
            cancellation);
    }
}
