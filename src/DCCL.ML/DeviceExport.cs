using DCCL.ML.Data;
using DCCL.ML.Device;
using DCCL.ML.Export;
using DCCL.ML.Model;
using DCCL.ML.Onnx;
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
    /// <exception cref="InvalidOperationException">The file does not give the model's scores in ONNX Runtime; nothing was written.</exception>
    public static void ExportToOnnx(this ITransformer model, string path, OnnxExportOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new OnnxExportOptions();
        DeviceCloudPredictionTransformer transformer = model.DeviceCloudModel();
        ItemVocabulary vocabulary = GetVocabulary(transformer);
        byte[] file = Build(transformer, vocabulary, options);
        if (options.Vocabulary == VocabularyPlacement.SideFile)
        {
            vocabulary.Save(Path.ChangeExtension(path, ".vocabulary.json"));
        }

        AtomicFile.Write(path, file);
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

    /// <summary>Gets the raw ids of a model's items.</summary>
    /// <param name="model">A DCCL transformer, or a model with one inside.</param>
    /// <returns>The vocabulary; the key numbers where the model has no ids.</returns>
    public static ItemVocabulary GetVocabulary(this ITransformer model)
    {
        DeviceCloudPredictionTransformer transformer = model.DeviceCloudModel();
        return transformer.ItemIds is IReadOnlyList<string> ids
            ? new ItemVocabulary(ids)
            : ItemVocabulary.FromKeys(transformer.Parameters.Architecture.NumberOfItems);
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
        byte[] file = GraphSeal.Serialize(DeviceGraph.Build(parameters, graph));
        ExportCheck.Run(file, parameters, graph);
        return file;
    }

    private static void CheckPatch(DeviceCloudModelParameters parameters, UserPatch patch, string parameterName)
    {
        if (patch.ModelFingerprint != parameters.Fingerprint || patch.Size != parameters.Patch?.PatchSize)
        {
            throw new ArgumentException(
                $"The patch must be of size {parameters.Patch?.PatchSize ?? 0} and of model {Short(parameters.Fingerprint)}, but is of size "
                + $"{patch.Size} and was learnt on model {Short(patch.ModelFingerprint)}. Learn it again on this model.",
                parameterName);
        }
    }

    private static string Short(string fingerprint) => fingerprint[..8];
}
