using DCCL.ML.Interop;
using DCCL.ML.Recommendation;
using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Runtime;

[assembly: LoadableClass(
    typeof(TopItemsTransformer),
    typeof(TopItemsTransformerLoader),
    null,
    typeof(SignatureLoadModel),
    TopItemsTransformerLoader.UserName,
    TopItemsTransformerLoader.LoaderSignature)]

namespace DCCL.ML.Interop;

/// <summary>Saves and loads a <see cref="TopItemsTransformer"/> as a component of an ML.NET model file.</summary>
internal static class TopItemsTransformerLoader
{
    public const string UserName = "Device-cloud collaborative top items";
    public const string LoaderSignature = "DcclTopItems";
    public const int FormatVersion = 1;

    private const string ModelPart = "Model.dccl";
    private const string OptionsPart = "Options";

    private static readonly ModelFormat _format = new(
        "DCCLTOPI",
        LoaderSignature,
        FormatVersion,
        oldestReaderVersion: 1,
        oldestReadableVersion: 1,
        typeof(TopItemsTransformer));

    public static void Save(ModelSaveContext context, TopItemsTransformer transformer)
    {
        ModelContext.WriteHeader(context, _format);
        ModelContext.WritePart(context, OptionsPart, stream => TopItemsOptionsFile.Write(stream, transformer.Options));
        ModelContext.WritePart(context, ModelPart, stream => TransformerFile.Write(stream, transformer.Model));
    }

#pragma warning disable IDE0051 // ML.NET finds it by reflection, through the LoadableClass attribute above.
    private static TopItemsTransformer Create(IHostEnvironment environment, ModelLoadContext context)
    {
#pragma warning restore IDE0051
        ModelContext.ReadHeader(context, _format);
        TopItemsEstimator.Options options = ModelContext.ReadPart(context, OptionsPart, TopItemsOptionsFile.Read);
        return new TopItemsTransformer(ModelContext.ReadPart(context, ModelPart, TransformerFile.Read), options);
    }
}
