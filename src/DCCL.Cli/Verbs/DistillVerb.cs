using System.CommandLine;
using DCCL.ML;

namespace DCCL.Cli.Verbs;

/// <summary><c>dccl distill</c>: what all patches know, back into the cloud model.</summary>
internal static class DistillVerb
{
    public static Command Create(ToolConsole console, CancellationToken cancellation) => LearningVerb.Create(
        "distill",
        "Runs one round of the way back: distils the users' patches into a better cloud model, and migrates the patches to it.",
        user: null,
        console,
        (training, model, log) => model.DeviceCloudModel().Patches is not null
            ? training.Distill(model, log.Cloud?.Value, log.Device)
            : throw ToolException.BadModel("The model must have patches to distil, but has none. Run 'dccl personalize' first."),
        cancellation);
}
