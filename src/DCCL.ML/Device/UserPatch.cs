namespace DCCL.ML.Device;

/// <summary>One person's patch: a few numbers, and which model they belong to.</summary>
/// <remarks>Immutable and thread-safe.</remarks>
public sealed class UserPatch
{
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

    internal const int FingerprintLength = 64;
    internal const int MaximumSize = 256;

    /// <summary>Gets the fingerprint of the model, its basis included, that the patch was learnt on.</summary>
    public string ModelFingerprint { get; }

    /// <summary>Gets the number of values, <c>d</c>.</summary>
    public int Size => _values.Length;

    /// <summary>Gets <c>theta</c>, the intercept first.</summary>
    public ReadOnlySpan<float> Values => _values;
}
