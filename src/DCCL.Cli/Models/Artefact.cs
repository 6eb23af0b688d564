using System.Text.Json;
using DCCL.ML;
using DCCL.ML.Device;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.Trainers;
using Microsoft.ML;
using Microsoft.ML.OnnxRuntime;

namespace DCCL.Cli.Models;

/// <summary>What a file is, as far as the tool knows it.</summary>
/// <param name="Path">The path of the file.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Fingerprint">The fingerprint of the model that it is, or belongs to; null if it has none.</param>
/// <param name="Vocabulary">The hash of the ids that it was made with; null if it has none.</param>
/// <param name="Properties">What else is known.</param>
internal sealed record Artefact(string Path, string Kind, string? Fingerprint, string? Vocabulary, IReadOnlyList<(string Name, string Value)> Properties)
{
    /// <summary>The kind of a user's patch.</summary>
    public const string PatchKind = "a person's patch";

    /// <summary>Finds out what a file is.</summary>
    public static Artefact Read(string path)
    {
        if (!File.Exists(path))
        {
            throw ToolException.BadModel($"The artefact '{path}' must be a file, but there is none. Check the path.");
        }

        try
        {
            return System.IO.Path.GetExtension(path).ToLowerInvariant() switch
            {
                ".mlnet" or ".zip" => ReadModel(path),
                ".onnx" => ReadGraph(path),
                ".onnx_adapter" => ReadPatch(path),
                ".json" => ReadVocabulary(path),
                ".mbconfig" => ReadConfig(path),
                ".checkpoint" => ReadCheckpoint(path),
                _ => throw ToolException.BadModel($"'{path}' must end in .mlnet, .zip, .onnx, .onnx_adapter, .vocabulary.json, .mbconfig or .checkpoint, but does not. Name another file."),
            };
        }
        catch (Exception exception) when (exception is InvalidDataException or OnnxRuntimeException or JsonException)
        {
            throw ToolException.BadModel($"'{path}' must be whole, but is damaged: {exception.Message} Make it again, or restore the file.", exception);
        }
    }

    /// <summary>Says why two artefacts do not fit together; null if they do, or nothing speaks against it.</summary>
    public string? FindMisfit(Artefact other)
    {
        if (Fingerprint is not null && other.Fingerprint is not null && Fingerprint != other.Fingerprint)
        {
            return $"{Name} belongs to the model {Shorten(Fingerprint)}, but {other.Name} to {Shorten(other.Fingerprint)}. Make both from the same model.";
        }

        return Vocabulary is not null && other.Vocabulary is not null && Vocabulary != other.Vocabulary
            ? $"{Name} was made with the ids {Shorten(Vocabulary)}, but {other.Name} with {Shorten(other.Vocabulary)}. Export both from the same model."
            : null;
    }

    /// <summary>Gets the name of the file.</summary>
    public string Name => System.IO.Path.GetFileName(Path);

    private static Artefact ReadModel(string path)
    {
        using DeviceCloudPredictionTransformer model = new ModelFiles(path, null).Load(new MLContext(seed: 1), out _).DeviceCloudModel();
        DeviceCloudModelParameters parameters = model.Parameters;
        List<(string, string)> properties =
        [
            ("network", parameters.Architecture.Name),
            ("items", Number(parameters.Architecture.NumberOfItems)),
            ("users", Number(model.History.NumberOfUsers)),
            ("weights", Number(parameters.TensorShapes.Sum(shape => (long)parameters[shape.Name].Length))),
            ("patch size", parameters.Patch is null ? "no patches" : Number(parameters.Patch.PatchSize)),
            ("users with a patch", Number(model.Patches?.NumberOfPatchedUsers ?? 0)),
            ("cold start", parameters.Encoder is { ServesColdStart: true } ? "yes" : "no"),
        ];
        return new Artefact(path, "model in .NET", parameters.Fingerprint, model.GetVocabulary().Hash, properties);
    }

    private static Artefact ReadGraph(string path)
    {
        using SessionOptions options = new() { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        using InferenceSession session = new(path, options);
        Dictionary<string, string> metadata = session.ModelMetadata.CustomMetadataMap;
        string kind = metadata.GetValueOrDefault("dccl.kind") switch
        {
            "model" => "model on device",
            "training_step" => "a step of learning a patch on device",
            "cold_start" => "cold start on device",
            _ => throw ToolException.BadModel($"'{path}' must be a graph of DCCL, but has none of its metadata. Name another file."),
        };
        List<(string, string)> properties =
        [
            .. metadata.Where(pair => pair.Key is "dccl.format_version" or "dccl.ids" or "dccl.patch" or "dccl.weights" or "dccl.negatives")
                .OrderBy(pair => pair.Key, StringComparer.Ordinal)
                .Select(pair => (pair.Key["dccl.".Length..].Replace('_', ' '), pair.Value)),
            ("inputs", string.Join(", ", session.InputMetadata.Keys)),
            ("outputs", string.Join(", ", session.OutputMetadata.Keys)),
        ];
        return new Artefact(path, kind, metadata.GetValueOrDefault("dccl.fingerprint"), metadata.GetValueOrDefault("dccl.vocabulary"), properties);
    }

    private static Artefact ReadPatch(string path)
    {
        UserPatch patch = UserPatch.Load(path);
        return new Artefact(path, PatchKind, patch.ModelFingerprint, null, [("patch size", Number(patch.Size))]);
    }

    private static Artefact ReadVocabulary(string path)
    {
        ItemVocabulary vocabulary = ItemVocabulary.Load(path);
        return new Artefact(path, "vocabulary", null, vocabulary.Hash, [("items", Number(vocabulary.Items.Count))]);
    }

    private static Artefact ReadConfig(string path)
    {
        ModelBuilderConfig config = ModelBuilderConfig.Load(path);
        return new Artefact(path, "Model Builder config", null, null, [("network", config.Backbone), ("learnt from all events", config.UsesAllEvents ? "yes" : "no")]);
    }

    private static Artefact ReadCheckpoint(string path)
    {
        TrainingCheckpoint checkpoint = TrainingCheckpoint.Load(path);
        string Say(string name) => checkpoint.Run.GetValueOrDefault(name, "unknown");
        int best = checkpoint.ValidationMetrics.Select((metric, i) => (metric, i)).MaxBy(epoch => epoch.metric ?? epoch.i).i; // without a metric the last one is kept
        string metric = checkpoint.ValidationMetrics[best] is double value ? FormattableString.Invariant($", validation {value:F4}") : "";
        List<(string, string)> properties =
        [
            ("trainer", Say("trainer")),
            ("epochs done", FormattableString.Invariant($"{checkpoint.Losses.Count:N0} of {Say("NumberOfEpochs")}")),
            ("best epoch", FormattableString.Invariant($"{best + 1:N0}, loss {checkpoint.Losses[best]:F4}{metric}")),
            ("trained for", FormattableString.Invariant($"{checkpoint.Elapsed.TotalSeconds:F1} s")),
            ("seed", Say("seed")),
            ("threads", Say("number of threads")),
            ("log", Shorten(Say("log"))),
            ("previous model", Shorten(Say("previous model"))),
            ("written by", Say("DCCL.Trainers")),
        ];
        return new Artefact(path, "checkpoint of a training", null, null, properties);
    }

    private static string Number(long number) => FormattableString.Invariant($"{number:N0}");

    private static string Shorten(string hash) => hash.Length > 16 ? hash[..16] : hash;
}
