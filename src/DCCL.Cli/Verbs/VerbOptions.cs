using System.CommandLine;
using DCCL.Cli.Training;

namespace DCCL.Cli.Verbs;

/// <summary>Options that several verbs have, each with the same name and meaning everywhere.</summary>
internal static class VerbOptions
{
    /// <summary>The model to work on.</summary>
    public static Option<string> Model() => new("--model", "-m")
    {
        HelpName = "PATH",
        Description = "The folder that 'dccl train' wrote, or an ML.NET file.",
        Required = true,
    };

    /// <summary>Another log than the model's.</summary>
    public static Option<string?> LaterLog(string use) => new("--data", "-d")
    {
        HelpName = "FILE",
        Description = $"A later log of the same columns, {use}. Without it the log is used that the model was trained on, cut as it was then.",
    };

    /// <summary>Where the new model goes.</summary>
    public static Option<string?> NewModel() => new("--out", "-o")
    {
        HelpName = "FILE",
        Description = "Where to write the new model, such as New.mlnet. Without it the model's own files are replaced, in one move each.",
    };

    /// <summary>JSON instead of text.</summary>
    public static Option<bool> Json() => new("--json") { Description = "Write the result as JSON, for scripts." };

    /// <summary>Replace what exists.</summary>
    public static Option<bool> Force() => new("--force", "-f") { Description = "Replace what exists." };

    /// <summary>The seed.</summary>
    public static Option<int> Seed() => new("--seed") { HelpName = "N", Description = "The seed of all random numbers.", DefaultValueFactory = _ => 1 };

    /// <summary>The number of threads.</summary>
    public static Option<int> Threads()
    {
        Option<int> option = new("--threads") { HelpName = "N", Description = "The number of threads; 0 for one per processor." };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && result.GetValueOrDefault<int>() < 0)
            {
                result.AddError("--threads must be at least 0, but is negative.");
            }
        });
        return option;
    }

    /// <summary>Few epochs.</summary>
    public static Option<bool> Quick() => new("--quick") { Description = "A few epochs, and figures from a sample of users where there are many: to see that it works." };

    /// <summary>Stop at the first unreadable row.</summary>
    public static Option<bool> Strict() => new("--strict") { Description = "Stop at the first row that cannot be read, instead of leaving it out and counting it." };

    /// <summary>Which settings somebody asks for.</summary>
    public static TrainingSettings GetSettings(ParseResult parsed, string backbone, Option<int> seed, Option<int> threads, Option<bool> quick) =>
        new(backbone, parsed.GetValue(seed), parsed.GetValue(threads), parsed.GetValue(quick));
}
