using System.Buffers.Binary;
using System.Text;
using Microsoft.ML;

namespace DCCL.ML.Interop;

/// <summary>Writes and reads a component's part of an ML.NET model file.</summary>
/// <remarks>
/// A component's part is a folder of the zip: a header, then named parts. All data go into named parts, none behind the header.
/// ML.NET calls <c>Create</c> by reflection, so that what it throws reaches the caller of <c>Model.Load</c> as an inner exception.
/// </remarks>
internal static class ModelContext
{
    /// <summary>Writes the header. It is the first thing that <c>ICanSaveModel.Save</c> does.</summary>
    public static void WriteHeader(ModelSaveContext context, ModelFormat format)
    {
        ArgumentNullException.ThrowIfNull(context);
        context.CheckAtModel();
        context.SetVersionInfo(format.VersionInfo);
    }

    /// <summary>Checks the header, the first thing that <c>Create</c> does.</summary>
    /// <returns>The version in which the file was written.</returns>
    /// <exception cref="InvalidDataException">The file is of another format, or of a version that cannot be read.</exception>
    public static uint ReadHeader(ModelLoadContext context, ModelFormat format)
    {
        ArgumentNullException.ThrowIfNull(context);
        ModelHeader header = context.Header;
        if (header.ModelSignature != format.VersionInfo.ModelSignature)
        {
            throw new InvalidDataException(
                $"The model part '{context.Directory}' must have the format '{format.ModelSignature}', but has "
                + $"'{Describe(header.ModelSignature)}'. Load a file that mlContext.Model.Save wrote.");
        }

        if (header.ModelVerReadable > format.Version)
        {
            throw new InvalidDataException(
                $"The model part '{context.Directory}' must be readable for version {format.Version} of the format "
                + $"'{format.ModelSignature}', but asks for version {header.ModelVerReadable}. Update the package that provides it.");
        }

        if (header.ModelVerWritten < format.OldestReadableVersion)
        {
            throw new InvalidDataException(
                $"The model part '{context.Directory}' must have at least version {format.OldestReadableVersion} of the format "
                + $"'{format.ModelSignature}', but has version {header.ModelVerWritten}. Load it with an older package and save it again.");
        }

        return header.ModelVerWritten;
    }

    /// <summary>Writes a named part.</summary>
    public static void WritePart(ModelSaveContext context, string name, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(context);
        context.SaveBinaryStream(name, writer => write(writer.BaseStream));
    }

    /// <inheritdoc cref="WritePart(ModelSaveContext, string, Action{Stream})"/>
    public static void WritePart(ModelSaveContext context, string name, ReadOnlyMemory<byte> bytes)
    {
        WritePart(context, name, stream => stream.Write(bytes.Span));
    }

    /// <summary>Reads a named part.</summary>
    /// <exception cref="InvalidDataException">The file has no such part.</exception>
    public static T ReadPart<T>(ModelLoadContext context, string name, Func<Stream, T> read)
    {
        return TryReadPart(context, name, read, out T? value)
            ? value!
            : throw new InvalidDataException(
                $"The model part '{context.Directory}' must hold '{name}', but does not. Save the model again: the file is damaged.");
    }

    /// <inheritdoc cref="ReadPart{T}(ModelLoadContext, string, Func{Stream, T})"/>
    public static byte[] ReadPart(ModelLoadContext context, string name)
    {
        return ReadPart(context, name, ReadAll);
    }

    /// <summary>Reads a named part that need not be there.</summary>
    /// <returns>False where the file has no such part.</returns>
    public static bool TryReadPart<T>(ModelLoadContext context, string name, Func<Stream, T> read, out T? value)
    {
        ArgumentNullException.ThrowIfNull(context);
        T? result = default;
        bool found = context.TryLoadBinaryStream(name, reader => result = read(reader.BaseStream));
        value = result;
        return found;
    }

    /// <summary>Writes another component, such as an inner transformer, into a folder of its own.</summary>
    public static void WriteModel<T>(ModelSaveContext context, string name, T model)
        where T : class, ICanSaveModel
    {
        ArgumentNullException.ThrowIfNull(context);
        context.SaveModel(model, name);
    }

    private static byte[] ReadAll(Stream stream)
    {
        using MemoryStream copy = new();
        stream.CopyTo(copy);
        return copy.ToArray();
    }

    private static string Describe(ulong signature)
    {
        byte[] bytes = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, signature);
        return Encoding.Latin1.GetString(bytes).TrimEnd('\0');
    }
}
