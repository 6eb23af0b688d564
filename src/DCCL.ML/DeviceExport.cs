using DCCL.ML.Data;
using DCCL.ML.Device;
using DCCL.ML.Export;
using DCCL.ML.Model;
using DCCL.ML.Onnx;
using DCCL.ML.Recommendation;
using DCCL.ML.Scoring;
using Microsoft.ML;

namespace DCCL.ML;

/// <summary>Turns a model into the files that devices work with, and takes back what they learnt.</summary>
/// <remarks>
/// The files hold what is the same for everybody: no export holds a person's history, patch or id, but the one with a patch of
/// the owner inside, which <see cref="OnnxExportOptions.Patch"/> asks for. Export/FORMAT.md describes them.
/// </remarks>
public static class DeviceExport
{
    /// <summary>Writes the scoring graph, and beside it the vocabulary unless that is inside.</summary>
    /// <param name="model">A DCCL transformer, or a model with one inside.</param>
    /// <param name="path">The file, such as "model.onnx"; the vocabulary is then "model.vocabulary.json". Each is replaced in one move.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <exception cref="ArgumentException">The model has no DCCL transformer, or an option does not fit it.</exception>
    /// <exception cref="InvalidOperationException">The file does not give the model's scores in ONNX Runtime, or is too large; nothing was written.</exception>
    public static void ExportToOnnx(this ITransformer model, string path, OnnxExportOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new OnnxExportOptions();
        DeviceCloudPredictionTransformer transformer = model.DeviceCloudModel();
        ItemVocabulary vocabulary = GetVocabulary(transformer);
        List<(string, byte[])> files = [(path, Build(transformer, vocabulary, options))];
        if (options.Vocabulary == VocabularyPlacement.SideFile)
        {
            files.Insert(0, (Path.ChangeExtension(path, ".vocabulary.json"), vocabulary.ToBytes()));
        }

        AtomicFile.WriteAll(files);
    }

    /// <summary>Writes the scoring graph alone; <see cref="GetVocabulary"/> gives the vocabulary.</summary>
    /// <param name="model">A DCCL transformer, or a model with one inside.</param>
    /// <param name="stream">Receives the graph.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <exception cref="ArgumentException">The model has no DCCL transformer, or an option does not fit it.</exception>
    /// <exception cref="InvalidOperationException">The graph does not give the model's scores in ONNX Runtime; nothing was written.</exception>
    public static void ExportToOnnx(this ITransformer model, Stream stream, OnnxExportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        DeviceCloudPredictionTransformer transformer = model.DeviceCloudModel();
        stream.Write(Build(transformer, GetVocabulary(transformer), options ?? new OnnxExportOptions()));
    }

    /// <summary>Writes all that a <see cref="DevicePersonalizer"/> works with: model, vocabulary, training step and, where it helps, cold start.</summary>
    /// <param name="model">A DCCL transformer with a patch basis, or a model with one inside.</param>
    /// <param name="folder">The folder; made if it is missing. <see cref="DeviceFiles"/> has the names of the files.</param>
    /// <param name="options">How; null for the defaults. The vocabulary stays beside the model, and no patch is baked in.</param>
    /// <exception cref="ArgumentException">The model has no DCCL transformer or no basis, or an option does not fit.</exception>
    /// <exception cref="InvalidOperationException">A file does not do in ONNX Runtime what the model does, or is too large; nothing was written.</exception>
    public static void ExportForDevice(this ITransformer model, string folder, OnnxExportOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (options is { Patch: not null } or { Vocabulary: not VocabularyPlacement.SideFile })
        {
            throw new ArgumentException(
                "A device that learns must have the vocabulary beside the model and no patch baked in, but the options say otherwise. Use ExportToOnnx.",
                nameof(options));
        }

        // Everything is built and checked before anything is written; and then the model comes last, so that a set is not taken for whole before it is.
        options ??= new OnnxExportOptions();
        DeviceCloudPredictionTransformer transformer = model.DeviceCloudModel();
        ItemVocabulary vocabulary = GetVocabulary(transformer);
        bool hasColdStart = transformer.Parameters.Encoder is { ServesColdStart: true };
        List<(string, byte[])> files =
        [
            (Path.Combine(folder, DeviceFiles.TrainingStep), BuildTrainingStep(model)),
            .. hasColdStart
                ? [(Path.Combine(folder, DeviceFiles.ColdStart), BuildColdStart(model, VocabularyPlacement.SideFile))]
                : Array.Empty<(string, byte[])>(),
            (Path.Combine(folder, DeviceFiles.Vocabulary), vocabulary.ToBytes()),
            (Path.Combine(folder, DeviceFiles.Model), Build(transformer, vocabulary, options)),
        ];
        Directory.CreateDirectory(folder);
        AtomicFile.WriteAll(files);
        if (!hasColdStart)
        {
            File.Delete(Path.Combine(folder, DeviceFiles.ColdStart)); // of an earlier model
        }
    }

    /// <summary>Writes the graph that does one step of learning a patch.</summary>
    /// <param name="model">A DCCL transformer with a patch basis, or a model with one inside.</param>
    /// <param name="path">The file, such as "step.onnx"; replaced in one move.</param>
    /// <exception cref="ArgumentException">The model has no DCCL transformer, or no basis.</exception>
    /// <exception cref="InvalidOperationException">The graph's derivative is not that of its loss; nothing was written.</exception>
    public static void ExportTrainingStep(this ITransformer model, string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        AtomicFile.Write(path, BuildTrainingStep(model));
    }

    /// <summary>Writes the graph that does one step of learning a patch.</summary>
    /// <param name="model">A DCCL transformer with a patch basis, or a model with one inside.</param>
    /// <param name="stream">Receives the graph.</param>
    /// <exception cref="ArgumentException">The model has no DCCL transformer, or no basis.</exception>
    /// <exception cref="InvalidOperationException">The graph's derivative is not that of its loss; nothing was written.</exception>
    public static void ExportTrainingStep(this ITransformer model, Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        stream.Write(BuildTrainingStep(model));
    }

    /// <summary>Writes the graph that predicts the patch of somebody who has never trained one, from the history or the profile.</summary>
    /// <param name="model">A DCCL transformer that serves such people, or a model with one inside.</param>
    /// <param name="path">The file, such as "coldstart.onnx"; replaced in one move.</param>
    /// <param name="placement">Where the raw ids of the history are.</param>
    /// <exception cref="ArgumentException">The model has no DCCL transformer, or none that serves people without a patch.</exception>
    /// <exception cref="InvalidOperationException">The graph does not give the model's patches in ONNX Runtime; nothing was written.</exception>
    public static void ExportColdStart(this ITransformer model, string path, VocabularyPlacement placement = VocabularyPlacement.SideFile)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        AtomicFile.Write(path, BuildColdStart(model, placement));
    }

    /// <summary>Writes the graph that predicts the patch of somebody who has never trained one, from the history or the profile.</summary>
    /// <param name="model">A DCCL transformer that serves such people, or a model with one inside.</param>
    /// <param name="stream">Receives the graph.</param>
    /// <param name="placement">Where the raw ids of the history are.</param>
    /// <exception cref="ArgumentException">The model has no DCCL transformer, or none that serves people without a patch.</exception>
    /// <exception cref="InvalidOperationException">The graph does not give the model's patches in ONNX Runtime; nothing was written.</exception>
    public static void ExportColdStart(this ITransformer model, Stream stream, VocabularyPlacement placement = VocabularyPlacement.SideFile)
    {
        ArgumentNullException.ThrowIfNull(stream);
        stream.Write(BuildColdStart(model, placement));
    }

    /// <summary>Gets the raw ids of a model's items.</summary>
    /// <param name="model">A DCCL transformer, or a model with one inside.</param>
    /// <returns>The vocabulary; the key numbers where the model has no ids.</returns>
    public static ItemVocabulary GetVocabulary(this ITransformer model) => new(RawIds.OfItems(model.DeviceCloudModel()));

    /// <summary>Gets the patches of all users who have one, by their raw ids: what is sent to their devices.</summary>
    /// <param name="model">A DCCL transformer, or a model with one inside.</param>
    /// <returns>The patches; the key numbers are the ids where the model has none.</returns>
    public static IReadOnlyDictionary<string, UserPatch> GetUserPatches(this ITransformer model)
    {
        DeviceCloudPredictionTransformer transformer = model.DeviceCloudModel();
        IReadOnlyList<string> ids = RawIds.OfUsers(transformer);
        Dictionary<string, UserPatch> patches = new(StringComparer.Ordinal);
        for (int user = 1; user <= transformer.Patches?.NumberOfUsers; user++)
        {
            if (transformer.Patches.GetStatus(user) == PatchStatus.Patched)
            {
                patches.TryAdd(ids[user - 1], new UserPatch(transformer.Parameters.Fingerprint, transformer.Patches[user]));
            }
        }

        return patches;
    }

    /// <summary>Takes patches that devices learnt into a model, in place of what it has of these users.</summary>
    /// <param name="model">A DCCL transformer, or a model with one inside.</param>
    /// <param name="patches">The patches by raw user ids. A patch of zeros counts as gated.</param>
    /// <param name="refusals">Why patches were left out, one message for each: an unknown user, another model, another size.</param>
    /// <returns>A model of the same form as <paramref name="model"/>.</returns>
    /// <exception cref="ArgumentException">The model has no DCCL transformer, or no basis.</exception>
    public static ITransformer WithUserPatches(
        this ITransformer model, IReadOnlyDictionary<string, UserPatch> patches, out IReadOnlyList<string> refusals)
    {
        ArgumentNullException.ThrowIfNull(patches);
        DeviceCloudPredictionTransformer transformer = model.DeviceCloudModel();
        int size = transformer.Parameters.Patch?.PatchSize
            ?? throw new ArgumentException("The model must have a patch basis, but has none. Run MetaPatch first.", nameof(model));
        int numberOfUsers = transformer.History.NumberOfUsers;
        float[] values = new float[checked(numberOfUsers * size)];
        PatchStatus[] statuses = new PatchStatus[numberOfUsers];
        Dictionary<string, int> keys = RawIds.Index(RawIds.OfUsers(transformer));
        for (int user = 1; user <= numberOfUsers; user++)
        {
            statuses[user - 1] = transformer.Patches?.GetStatus(user) ?? PatchStatus.Cloud;
            if (statuses[user - 1] == PatchStatus.Patched)
            {
                transformer.Patches![user].CopyTo(values.AsSpan((user - 1) * size));
            }
        }

        List<string> faults = [];
        foreach ((string id, UserPatch patch) in patches)
        {
            if (!keys.TryGetValue(id, out int user))
            {
                faults.Add($"The user '{id}' must be one of the model's, but is not. Train the model with the user's events.");
            }
            else if (patch.Check(transformer.Parameters.Fingerprint, size, id, out string? fault) != PatchRefusal.None)
            {
                faults.Add(fault!);
            }
            else
            {
                patch.Values.CopyTo(values.AsSpan((user - 1) * size));
                statuses[user - 1] = patch.Values.ContainsAnyExcept(0f) ? PatchStatus.Patched : PatchStatus.Gated;
            }
        }

        refusals = faults;
        return model.ReplaceDeviceCloudModel(transformer.WithPatches(new UserPatches(size, values, statuses)));
    }

    private static byte[] Build(DeviceCloudPredictionTransformer model, ItemVocabulary vocabulary, OnnxExportOptions options)
    {
        DeviceCloudModelParameters parameters = model.Parameters;
        if (options.Patch is UserPatch patch)
        {
            CheckPatch(parameters, patch, nameof(options));
        }

        DeviceGraph.Options graph = new(
            options.Vocabulary == VocabularyPlacement.InsideGraph ? vocabulary.Items : null,
            vocabulary.Hash,
            options.RequiresPatch,
            options.Patch?.Values.ToArray(),
            model.Columns.LabelColumnName is not null,
            options.UsesHalfPrecision);
        ExportSize.Check(parameters.TensorShapes, graph.Ids, graph.IsHalf);
        byte[] file = GraphSeal.Serialize(DeviceGraph.Build(parameters, graph));
        ExportCheck.Run(file, parameters, graph);
        return file;
    }

    private static byte[] BuildTrainingStep(ITransformer model)
    {
        DeviceCloudModelParameters parameters = model.DeviceCloudModel().Parameters;
        byte[] file = GraphSeal.Serialize(TrainingStepGraph.Build(parameters));
        ExportCheck.RunTrainingStep(file, parameters);
        return file;
    }

    private static byte[] BuildColdStart(ITransformer model, VocabularyPlacement placement)
    {
        DeviceCloudPredictionTransformer transformer = model.DeviceCloudModel();
        if (transformer.Parameters.Encoder is not { ServesColdStart: true })
        {
            throw new ArgumentException(
                "The model must have a patch encoder that helped people without a patch, but has none. Run MoMoDistill, or leave the file out: "
                + "these people get the cloud model.",
                nameof(model));
        }

        ItemVocabulary vocabulary = GetVocabulary(transformer);
        IReadOnlyList<string>? ids = placement == VocabularyPlacement.InsideGraph ? vocabulary.Items : null;
        ExportSize.Check(ColdStartGraph.GetTensors(transformer.Parameters), ids, isHalf: null);
        byte[] file = GraphSeal.Serialize(ColdStartGraph.Build(transformer.Parameters, ids, vocabulary.Hash));
        ExportCheck.RunColdStart(file, transformer.Parameters, ids);
        return file;
    }

    private static void CheckPatch(DeviceCloudModelParameters parameters, UserPatch patch, string parameterName)
    {
        if (patch.Check(parameters.Fingerprint, parameters.Patch?.PatchSize ?? 0, "of the options", out string? fault) != PatchRefusal.None)
        {
            throw new ArgumentException(fault, parameterName);
        }
    }
}
