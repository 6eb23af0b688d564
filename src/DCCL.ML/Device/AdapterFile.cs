using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Google.FlatBuffers;

namespace DCCL.ML.Device;

/// <summary>Writes and reads a patch as an ONNX Runtime adapter; FORMAT.md describes the bytes.</summary>
/// <remarks>
/// ONNX Runtime checks nothing of an adapter but that it is one. Two fields of ours, which it ignores, say which model the patch belongs
/// to, and let any change of a bit be noticed.
/// </remarks>
internal static class AdapterFile
{
    /// <summary>More than the longest patch takes; nothing larger is read.</summary>
    public const int MaximumLength = 4096;

    private const string Identifier = "TORT";
    private const string ParameterName = "patch";
    private const int FloatType = 1;
    private const int FormatVersion = 1;
    private const int AdapterVersion = 1;
    private const int ModelVersion = 1;
    private const int DigestLength = 32;

    // Where a field's offset stands in a table's vtable: 4 bytes, then 2 for each field before it.
    private const int FormatVersionField = 4;
    private const int ParametersField = 10;
    private const int FingerprintField = 12;
    private const int DigestField = 14;
    private const int NameField = 4;
    private const int DimensionsField = 6;
    private const int DataTypeField = 8;
    private const int RawDataField = 10;

    /// <summary>Writes a patch; the same patch gives the same bytes.</summary>
    public static byte[] Write(UserPatch patch)
    {
        FlatBufferBuilder builder = new(512);
        byte[] values = new byte[patch.Size * sizeof(float)];
        for (int i = 0; i < patch.Size; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(values.AsSpan(i * sizeof(float)), patch.Values[i]);
        }

        VectorOffset digest = Bytes(builder, new byte[DigestLength], alignment: 4);
        VectorOffset fingerprint = Bytes(builder, Convert.FromHexString(patch.ModelFingerprint), alignment: 4);
        VectorOffset rawData = Bytes(builder, values, alignment: 8);
        builder.StartVector(sizeof(long), 2, sizeof(long));
        builder.AddLong(patch.Size);
        builder.AddLong(1);
        VectorOffset dimensions = builder.EndVector();
        StringOffset name = builder.CreateString(ParameterName);
        builder.StartTable(4);
        builder.AddOffset(0, name.Value, 0);
        builder.AddOffset(1, dimensions.Value, 0);
        builder.AddInt(2, FloatType, 0);
        builder.AddOffset(3, rawData.Value, 0);
        int parameter = builder.EndTable();
        builder.StartVector(sizeof(int), 1, sizeof(int));
        builder.AddOffset(parameter);
        VectorOffset parameters = builder.EndVector();
        builder.StartTable(6);
        builder.AddInt(0, FormatVersion, 0); // 0 as the default, so that the version is written out
        builder.AddInt(1, AdapterVersion, 0);
        builder.AddInt(2, ModelVersion, 0);
        builder.AddOffset(3, parameters.Value, 0);
        builder.AddOffset(4, fingerprint.Value, 0);
        builder.AddOffset(5, digest.Value, 0);
        builder.Finish(builder.EndTable(), Identifier);

        byte[] file = builder.SizedByteArray();
        Span<byte> place = GetBytes(Root(file), DigestField, file);
        SHA256.HashData(file, place); // computed over zeros in its own place
        return file;
    }

    /// <summary>Reads a patch.</summary>
    /// <param name="file">The bytes; anything.</param>
    /// <param name="name">What messages call the file.</param>
    /// <param name="patch">The patch; null if it is refused.</param>
    /// <param name="message">What was expected, what was found, and the remedy; null if the patch is not refused.</param>
    /// <returns>Why the patch is refused.</returns>
    public static PatchRefusal TryRead(ReadOnlySpan<byte> file, string name, out UserPatch? patch, out string? message)
    {
        patch = null;
        if (file.Length is < 8 or > MaximumLength || !Ascii.Equals(file.Slice(4, 4), Identifier))
        {
            message = $"'{name}' must be an ONNX Runtime adapter ('TORT') of at most {MaximumLength} bytes, but is another file of {file.Length} bytes. "
                + "Choose the file that UserPatch.Save wrote.";
            return PatchRefusal.Unreadable;
        }

        try
        {
            return Read(file.ToArray(), name, out patch, out message);
        }
        catch (Exception fault) when (fault is ArgumentException or IndexOutOfRangeException or OverflowException)
        {
            // An offset of the file points out of it.
            message = $"'{name}' must be a whole adapter, but was cut off or altered ({fault.GetType().Name}). Copy it again or learn the patch again.";
            return PatchRefusal.Unreadable;
        }
    }

    private static PatchRefusal Read(byte[] file, string name, out UserPatch? patch, out string? message)
    {
        patch = null;
        Table root = Root(file);
        int version = GetInt(root, FormatVersionField, FormatVersion);
        if (version != FormatVersion)
        {
            message = $"'{name}' must have adapter format {FormatVersion}, but has {version}. Update the DCCL.ML package, or learn the patch again.";
            return PatchRefusal.Unreadable;
        }

        ReadOnlySpan<byte> fingerprint = GetBytes(root, FingerprintField, file);
        if (fingerprint.Length != UserPatch.FingerprintLength / 2 || !IsIntact(root, file))
        {
            message = fingerprint.IsEmpty
                ? $"'{name}' must say which model it belongs to, but does not. Write it with UserPatch.Save."
                : $"'{name}' must have the checksum that it holds, but has another: a bit of it has changed. Copy it again or learn the patch again.";
            return PatchRefusal.Unreadable;
        }

        int parameters = GetLength(root, ParametersField);
        if (parameters != 1)
        {
            message = $"'{name}' must hold one patch, but holds {parameters} values. Keep one file for each patch.";
            return PatchRefusal.TwoPatches;
        }

        Table parameter = new(root.__indirect(root.__vector(root.__offset(ParametersField))), root.bb);
        ReadOnlySpan<byte> values = GetBytes(parameter, RawDataField, file);
        int dimensions = GetLength(parameter, DimensionsField);
        int size = values.Length / sizeof(float);
        bool isRow = dimensions == 2 && GetDimension(parameter, 0) == 1 && GetDimension(parameter, 1) == size;
        if (!GetText(parameter, NameField, file).SequenceEqual(Encoding.ASCII.GetBytes(ParameterName))
            || GetInt(parameter, DataTypeField, 0) != FloatType || !isRow || size is 0 or > UserPatch.MaximumSize || values.Length % sizeof(float) != 0)
        {
            message = $"'{name}' must hold a float tensor 'patch' of shape [1, d] with d up to {UserPatch.MaximumSize}, but holds another value. "
                + "Write it with UserPatch.Save.";
            return PatchRefusal.Unreadable;
        }

        float[] theta = new float[size];
        for (int i = 0; i < size; i++)
        {
            theta[i] = BinaryPrimitives.ReadSingleLittleEndian(values[(i * sizeof(float))..]);
            if (!float.IsFinite(theta[i]))
            {
                message = FormattableString.Invariant($"'{name}' must hold finite numbers, but number {i} is {theta[i]}. Learn the patch again.");
                return PatchRefusal.NotFinite;
            }
        }

        patch = new UserPatch(Convert.ToHexStringLower(fingerprint), theta);
        message = null;
        return PatchRefusal.None;
    }

    private static bool IsIntact(Table root, byte[] file)
    {
        ReadOnlySpan<byte> digest = GetBytes(root, DigestField, file);
        if (digest.Length != DigestLength)
        {
            return false;
        }

        byte[] copy = [.. file];
        GetBytes(new Table(root.bb_pos, new ByteBuffer(copy)), DigestField, copy).Clear();
        return digest.SequenceEqual(SHA256.HashData(copy));
    }

    private static VectorOffset Bytes(FlatBufferBuilder builder, byte[] bytes, int alignment)
    {
        builder.StartVector(1, bytes.Length, alignment);
        for (int i = bytes.Length - 1; i >= 0; i--)
        {
            builder.AddByte(bytes[i]);
        }

        return builder.EndVector();
    }

    private static Table Root(byte[] file)
    {
        ByteBuffer buffer = new(file);
        return new Table(buffer.GetInt(0), buffer);
    }

    private static int GetInt(Table table, int field, int missing) =>
        table.__offset(field) is > 0 and int offset ? table.bb.GetInt(table.bb_pos + offset) : missing;

    private static int GetLength(Table table, int field) => table.__offset(field) is > 0 and int offset ? table.__vector_len(offset) : 0;

    private static long GetDimension(Table table, int index) =>
        table.bb.GetLong(checked(table.__vector(table.__offset(DimensionsField)) + (index * sizeof(long))));

    private static Span<byte> GetBytes(Table table, int field, byte[] file) =>
        table.__offset(field) is > 0 and int offset ? file.AsSpan(table.__vector(offset), table.__vector_len(offset)) : [];

    private static ReadOnlySpan<byte> GetText(Table table, int field, byte[] file) => GetBytes(table, field, file);
}
