using System.Text.Json;
using DCCL.ML;
using DCCL.ML.Device;
using DCCL.ML.Export;
using Microsoft.ML;

namespace OnDeviceWeb;

/// <summary>The static site: the page and what it runs on, which the build puts beside the program, and the model, which is exported into it.</summary>
internal static class Site
{
    private const string ModelFolder = "model";
    private static readonly JsonSerializerOptions _json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    /// <summary>What the patches of the model were learnt with in the cloud: it fits best on the device as well.</summary>
    public const double L2 = 10;

    /// <summary>Gets the folder.</summary>
    public static string Folder { get; } = Path.Combine(AppContext.BaseDirectory, "site");

    /// <summary>Gets a value indicating whether ONNX Runtime for browsers was there when the program was built.</summary>
    public static bool HasRuntime => File.Exists(Path.Combine(Folder, "onnxruntime", "ort.wasm.min.mjs")) && Directory.Exists(Path.Combine(Folder, "flatbuffers"));

    /// <summary>Gets a value for each number of the model's profile input: the page knows nothing of its visitor.</summary>
    public static float[] CreateProfile(ITransformer model) => new float[model.DeviceCloudModel().Parameters.Architecture.ProfileDimension];

    /// <summary>Exports the model into the site. Browsers know no default of an input: the patch is a required one.</summary>
    public static void ExportModel(ITransformer model)
    {
        string folder = Path.Combine(Folder, ModelFolder);
        model.ExportForDevice(folder, new OnnxExportOptions { RequiresPatch = true });
        var catalogue = new
        {
            Profile = CreateProfile(model),
            Learning = new { L2 },
            Catalogue.Moods,
            Items = Catalogue.Create(ExampleData.Create()),
        };
        File.WriteAllBytes(Path.Combine(folder, "catalogue.json"), JsonSerializer.SerializeToUtf8Bytes(catalogue, _json));
    }

    /// <summary>Copies the site to where a web server is to find it.</summary>
    public static void CopyTo(string folder)
    {
        foreach (string file in Directory.EnumerateFiles(Folder, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(folder, Path.GetRelativePath(Folder, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target, overwrite: true);
        }
    }

    /// <summary>Opens the exported model as a device does that uses .NET.</summary>
    public static DevicePersonalizer OpenDevice(string ownerFolder, float[] profile) =>
        new(Path.Combine(Folder, ModelFolder), ownerFolder, new DevicePersonalizerOptions { L2 = L2, Profile = profile });
}
