using DCCL.Cli.Logs;
using DCCL.Cli.Training;

namespace DCCL.Cli.Verbs;

/// <summary>What <c>dccl train</c> is asked for.</summary>
/// <param name="Log">The log.</param>
/// <param name="Name">The name of the model.</param>
/// <param name="OutputFolder">The folder to write.</param>
/// <param name="Settings">How to train.</param>
/// <param name="UsesAllEvents">Whether no events are left for a test.</param>
/// <param name="PackageSource">Where generated projects take packages from; null for the tool's own.</param>
/// <param name="Asks">Whether to ask about what was only guessed.</param>
/// <param name="IsForced">Whether to replace what exists.</param>
/// <param name="Resumes">Whether to go on where an earlier run was ended.</param>
/// <param name="IsJson">Whether to write JSON.</param>
internal sealed record TrainRequest(
    LogOptions Log, string Name, string OutputFolder, TrainingSettings Settings, bool UsesAllEvents, string? PackageSource, bool Asks, bool IsForced, bool Resumes, bool IsJson);
