using System.IO.Compression;
using DCCL.ML;
using Microsoft.ML;

namespace DCCL.Cli.Models;

/// <summary>A trained model on the disk: an ML.NET file, and the config beside it if the tool wrote one.</summary>
/// <param name="ModelPath">The path of the ML.NET file.</param>
/// <param name="Config">The config; null if there is none.</param>
internal sealed record ModelFiles(string ModelPath, ModelBuilderConfig? Config)
{
    /// <summary>The extension of ML.NET files that Model Builder writes.</summary>
    public const string Extension = ".mlnet";

    // The first that a zip can say.
    private static readonly DateTimeOffset _timeOfParts = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Gets the folder of the files.</summary>
    public string Folder => Path.GetDirectoryName(Path.GetFullPath(ModelPath))!;

    /// <summary>Gets the name of the model.</summary>
    public string Name => Path.GetFileNameWithoutExtension(ModelPath);

    /// <summary>Finds the model that a path means: a folder that <c>train</c> wrote, or a file of it.</summary>
    public static ModelFiles Find(string path)
    {
        if (Directory.Exists(path))
        {
            string[] found = Directory.GetFiles(path, "*" + Extension);
            return found.Length == 1
                ? Find(found[0])
                : throw ToolException.BadModel(
                    $"The folder '{path}' must have one model, a file *{Extension}, but has {found.Length}. "
                    + (found.Length == 0 ? "Train one with 'dccl train', or name the file." : "Name the file."));
        }

        if (!File.Exists(path))
        {
            throw ToolException.BadModel($"The model '{path}' must be a folder that 'dccl train' wrote, or a file, but there is none. Check the path, or train one.");
        }

        string config = Path.ChangeExtension(path, ".mbconfig");
        return new ModelFiles(
            path.EndsWith(".mbconfig", StringComparison.OrdinalIgnoreCase) ? Path.ChangeExtension(path, Extension) : path,
            File.Exists(config) ? ModelBuilderConfig.Load(config) : null);
    }

    /// <summary>Loads the model.</summary>
    /// <param name="ml">The context.</param>
    /// <param name="schema">The columns that it was trained on.</param>
    public ITransformer Load(MLContext ml, out DataViewSchema schema)
    {
        try
        {
            ITransformer model = ml.Model.Load(ModelPath, out schema);
            _ = model.DeviceCloudModel();
            return model;
        }
        catch (FileNotFoundException exception)
        {
            throw ToolException.BadModel($"The model '{ModelPath}' must be there, but is not. Train it again.", exception);
        }
        catch (Exception exception) when (
            exception is ArgumentException or InvalidDataException or FormatException or InvalidOperationException or IOException && !OutputFile.IsDiskFull(exception))
        {
            string message = (exception.InnerException ?? exception).Message;
            throw ToolException.BadModel($"'{ModelPath}' must be a model of DCCL, but cannot be loaded: {message} Train it again, or restore the file.", exception);
        }
    }

    /// <summary>Says that the config, which tells how to read the log, is missing.</summary>
    public ModelBuilderConfig GetConfig() => Config
        ?? throw ToolException.BadModel($"'{ModelPath}' must have '{Name}.mbconfig' beside it, which says how its log is written, but has not. Name the folder that 'dccl train' wrote.");

    /// <summary>Writes a model, and its graph with the vocabulary.</summary>
    public static void Save(MLContext ml, ITransformer model, DataViewSchema schema, OutputFolder folder, string name)
    {
        ml.TempFilePath = folder.CreateScratch(); // ML.NET leaves its temporary files where it cannot end them
        string path = folder.GetPath(name);
        ml.Model.Save(model, schema, path);
        ForgetTime(path);
        model.ExportToOnnx(folder.GetPath(Path.ChangeExtension(name, ".onnx")));
    }

    // ML.NET notes in its zip when each part was written. The same model is to be the same file, whenever that was. Only the notes are written anew.
    private static void ForgetTime(string path)
    {
        using ZipArchive zip = ZipFile.Open(path, ZipArchiveMode.Update);
        foreach (ZipArchiveEntry part in zip.Entries)
        {
            part.LastWriteTime = _timeOfParts;
        }
    }
}
