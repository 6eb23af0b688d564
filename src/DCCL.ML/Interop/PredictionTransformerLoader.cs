using DCCL.ML.Interop;
using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Runtime;

[assembly: LoadableClass(
    typeof(DeviceCloudPredictionTransformer),
    typeof(PredictionTransformerLoader),
    null,
    typeof(SignatureLoadModel),
    PredictionTransformerLoader.UserName,
    PredictionTransformerLoader.LoaderSignature)]

namespace DCCL.ML.Interop;

/// <summary>Saves and loads a <see cref="DeviceCloudPredictionTransformer"/> as a component of an ML.NET model file.</summary>
internal static class PredictionTransformerLoader
{
    public const string UserName = "Device-cloud collaborative prediction";
    public const string LoaderSignature = "DcclPrediction";

    private const string ModelPart = "Model.dccl";

    private static readonly ModelFormat _format = new(
        "DCCLPRED",
        LoaderSignature,
        version: 1,
        oldestReaderVersion: 1,
        oldestReadableVersion: 1,
        typeof(DeviceCloudPredictionTransformer));

    public static void Save(ModelSaveContext context, DeviceCloudPredictionTransformer transformer)
    {
        ModelContext.WriteHeader(context, _format);
        ModelContext.WritePart(context, ModelPart, stream => TransformerFile.Write(stream, transformer));
    }

#pragma warning disable IDE0051 // ML.NET finds it by reflection, through the LoadableClass attribute above.
    private static DeviceCloudPredictionTransformer Create(IHostEnvironment environment, ModelLoadContext context)
    {
#pragma warning restore IDE0051
        ModelContext.ReadHeader(context, _format);
        return ModelContext.ReadPart(context, ModelPart, TransformerFile.Read);
    }
}
