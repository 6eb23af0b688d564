using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace DCCL.ML.Model;

/// <summary>
/// What is the same for all users: the cloud model's weights, the patch basis, and the patch encoder.
/// </summary>
/// <remarks>Immutable and thread-safe. The arrays are owned by the instance and must not be changed.</remarks>
public sealed class DeviceCloudModelParameters
{
    private readonly Dictionary<string, float[]> _tensors;

    /// <summary>Creates the parameters from their tensors.</summary>
    /// <param name="architecture">The network.</param>
    /// <param name="patch">The patches' shape, or null if the model has no basis yet.</param>
    /// <param name="encoder">The patch encoder's shape, or null if the model has none.</param>
    /// <param name="tensors">Every tensor that the three shapes name, and no other; values row-major.</param>
    /// <exception cref="ArgumentException">A tensor is missing, superfluous, of the wrong length, or not finite.</exception>
    public DeviceCloudModelParameters(
        BackboneArchitecture architecture,
        PatchArchitecture? patch,
        PatchEncoderArchitecture? encoder,
        IReadOnlyDictionary<string, float[]> tensors)
    {
        ArgumentNullException.ThrowIfNull(architecture);
        ArgumentNullException.ThrowIfNull(tensors);
        Architecture = architecture;
        Patch = patch;
        Encoder = encoder;
        TensorShapes =
        [
            .. architecture.Tensors,
            .. patch?.GetTensors(architecture) ?? [],
            .. encoder?.GetTensors(architecture, patch ?? throw new ArgumentException("A patch encoder needs a patch architecture.", nameof(patch))) ?? [],
        ];
        _tensors = Check(TensorShapes, tensors);
        Fingerprint = ComputeFingerprint();
    }

    /// <summary>Gets the network's shape.</summary>
    public BackboneArchitecture Architecture { get; }

    /// <summary>Gets the patches' shape, or null if the model has no basis yet.</summary>
    public PatchArchitecture? Patch { get; }

    /// <summary>Gets the patch encoder's shape, or null if the model has none.</summary>
    public PatchEncoderArchitecture? Encoder { get; }

    /// <summary>Gets the names and shapes of all tensors, in the order in which they are stored.</summary>
    public IReadOnlyList<TensorShape> TensorShapes { get; }

    /// <summary>Gets the SHA-256 over architecture and tensors, as 64 lower-case hexadecimal digits.</summary>
    /// <remarks>Two models with the same fingerprint give the same scores; a patch fits only the model it was learnt on.</remarks>
    public string Fingerprint { get; }

    /// <summary>Gets the values of a tensor, row-major.</summary>
    /// <param name="name">One of the names in <see cref="TensorShapes"/>.</param>
    /// <exception cref="KeyNotFoundException">The model has no such tensor.</exception>
    public ReadOnlyMemory<float> this[string name] => _tensors[name];

    private static Dictionary<string, float[]> Check(
        IReadOnlyList<TensorShape> shapes, IReadOnlyDictionary<string, float[]> tensors)
    {
        Dictionary<string, float[]> result = [];
        foreach (TensorShape shape in shapes)
        {
            if (!tensors.TryGetValue(shape.Name, out float[]? values))
            {
                throw new ArgumentException($"The tensor '{shape.Name}' is missing.", nameof(tensors));
            }

            if (values.Length != shape.NumberOfElements)
            {
                throw new ArgumentException(
                    $"The tensor '{shape.Name}' must have {shape.NumberOfElements} values, but has {values.Length}.", nameof(tensors));
            }

            if (Array.FindIndex(values, value => !float.IsFinite(value)) is int index and >= 0)
            {
                throw new ArgumentException(
                    $"The tensor '{shape.Name}' must be finite, but its value {index} is {values[index]}. "
                    + "Training diverged: lower the learning rate.", nameof(tensors));
            }

            result.Add(shape.Name, values);
        }

        string? superfluous = tensors.Keys.FirstOrDefault(name => !result.ContainsKey(name));
        return superfluous is null
            ? result
            : throw new ArgumentException($"The tensor '{superfluous}' is not part of the architecture.", nameof(tensors));
    }

    private string ComputeFingerprint()
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{Architecture.Name};{ArchitectureText.Describe(Architecture, Patch, Encoder)}"));
        foreach (TensorShape shape in TensorShapes)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(shape.Name));
            hash.AppendData(LittleEndianBytes(_tensors[shape.Name]));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static ReadOnlySpan<byte> LittleEndianBytes(float[] values)
    {
        if (BitConverter.IsLittleEndian)
        {
            return MemoryMarshal.AsBytes(values.AsSpan());
        }

        byte[] bytes = new byte[values.Length * sizeof(float)];
        for (int i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), values[i]);
        }

        return bytes;
    }
}
