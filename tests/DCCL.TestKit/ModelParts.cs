using System.IO.Compression;
using Microsoft.ML;

namespace DCCL.TestKit;

/// <summary>The parts of a saved model: the bytes of its zip file without the times at which they were written.</summary>
public static class ModelParts
{
    /// <summary>Saves a model and takes the file apart.</summary>
    /// <param name="context">Saves the model.</param>
    /// <param name="model">The model.</param>
    /// <param name="schema">The schema of the data the model takes.</param>
    /// <returns>The bytes of each part by its name.</returns>
    public static SortedDictionary<string, byte[]> Read(MLContext context, ITransformer model, DataViewSchema schema)
    {
        using MemoryStream stream = new();
        context.Model.Save(model, schema, stream);
        stream.Position = 0;
        using ZipArchive archive = new(stream);
        SortedDictionary<string, byte[]> parts = new(StringComparer.Ordinal);
        foreach (ZipArchiveEntry entry in archive.Entries)
        {
            using Stream part = entry.Open();
            using MemoryStream bytes = new();
            part.CopyTo(bytes);
            parts.Add(entry.FullName, bytes.ToArray());
        }

        return parts;
    }
}
