using DCCL.ML.Data;

namespace DCCL.ML.Device;

/// <summary>One person's patch: a few numbers, and which model they belong to.</summary>
/// <remarks>
/// Saved as an ONNX Runtime adapter (<c>.onnx_adapter</c>, under 300 bytes for 16 numbers), which stock ONNX Runtime loads as well;
/// FORMAT.md describes it. Immutable and thread-safe.
/// </remarks>
public sealed class UserPatch
{
    internal const int FingerprintLength = 64;
    internal const int MaximumSize = 256;

    private readonly float[] _values;

    /// <summary>Creates a patch.</summary>
    /// <param name="modelFingerprint">The fingerprint of the model, its basis included, that the patch was learnt on.</param>
    /// <param name="values"><c>theta</c>, the intercept first; copied.</param>
    /// <exception cref="ArgumentException">A value is not finite, there are none or too many, or the fingerprint is none.</exception>
    public UserPatch(string modelFingerprint, ReadOnlySpan<float> values)
    {
        ArgumentNullException.ThrowIfNull(modelFingerprint);
        if (modelFingerprint.Length != FingerprintLength || !modelFingerprint.All(char.IsAsciiHexDigitLower))
        {
            throw new ArgumentException(
                $"The fingerprint must be {FingerprintLength} lower-case hexadecimal digits, but is '{modelFingerprint}'.", nameof(modelFingerprint));
        }

        if (values.IsEmpty || values.Length > MaximumSize)
        {
            throw new ArgumentException($"A patch must have 1 to {MaximumSize} values, but has {values.Length}.", nameof(values));
        }

        for (int i = 0; i < values.Length; i++)
        {
            if (!float.IsFinite(values[i]))
            {
                throw new ArgumentException($"A patch must be finite, but its value {i} is {values[i]}. Learn it again.", nameof(values));
            }
        }

        ModelFingerprint = modelFingerprint;
        _values = values.ToArray();
    }

    /// <summary>Gets the fingerprint of the model, its basis included, that the patch was learnt on.</summary>
    public string ModelFingerprint { get; }

    /// <summary>Gets the number of values, <c>d</c>.</summary>
    public int Size => _values.Length;

    /// <summary>Gets <c>theta</c>, the intercept first.</summary>
    public ReadOnlySpan<float> Values => _values;

    /// <summary>Writes the patch as an ONNX Runtime adapter.</summary>
    /// <param name="path">The file, such as "user-42.onnx_adapter"; replaced in one move.</param>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        AtomicFile.Write(path, ToAdapter());
    }

    /// <summary>Gets the bytes that <see cref="Save"/> writes.</summary>
    /// <returns>The adapter; the same patch gives the same bytes.</returns>
    public byte[] ToAdapter() => AdapterFile.Write(this);

    /// <summary>Reads a patch.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The patch; whether it fits a model is checked where it is used.</returns>
    /// <exception cref="InvalidDataException">The file is not a patch, was altered, or holds what no patch can be.</exception>
    public static UserPatch Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return FromAdapter(AtomicFile.Read(path, AdapterFile.MaximumLength), path);
    }

    /// <summary>Reads a patch from the bytes of its file.</summary>
    /// <param name="adapter">The bytes; anything.</param>
    /// <param name="name">What messages call the file.</param>
    /// <returns>The patch; whether it fits a model is checked where it is used.</returns>
    /// <exception cref="InvalidDataException">The bytes are not a patch, were altered, or hold what no patch can be.</exception>
    public static UserPatch FromAdapter(ReadOnlySpan<byte> adapter, string name = "the adapter")
    {
        AdapterFile.TryRead(adapter, name, out UserPatch? patch, out string? message);
        return patch ?? throw new InvalidDataException(message);
    }

    /// <summary>Checks that the patch fits a model.</summary>
    internal PatchRefusal Check(string fingerprint, int patchSize, string name, out string? message)
    {
        if (ModelFingerprint != fingerprint)
        {
            message = $"The patch '{name}' must be of model {fingerprint[..8]}…, but was learnt on model {ModelFingerprint[..8]}…. Learn it again on this model.";
            return PatchRefusal.OtherModel;
        }

        if (Size != patchSize)
        {
            message = $"The patch '{name}' must have the model's size {patchSize}, but has {Size}. Learn it again on this model.";
            return PatchRefusal.WrongSize;
        }

        message = null;
        return PatchRefusal.None;
    }
}
