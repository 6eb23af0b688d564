using System.Text.Json;
using DCCL.ML.Model;
using DCCL.ML.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace DCCL.ML.Device;

/// <summary>One of the graphs that a model was exported as, opened in ONNX Runtime after a look at who it is.</summary>
/// <remarks>Thread-safe. Owns a native session.</remarks>
internal sealed class ExportedGraph : IDisposable
{
    private const int LargestFormatVersion = ModelGraph.FormatVersion;

    private readonly InferenceSession _session;
    private readonly SharedLifetime _lifetime;
    private readonly string _name;
    private readonly Dictionary<string, string> _metadata;

    /// <summary>Opens a file.</summary>
    /// <param name="file">The bytes; anything.</param>
    /// <param name="name">What messages call the file.</param>
    /// <param name="kind">The kind of graph that is expected.</param>
    /// <param name="numberOfThreads">The number of threads of a run.</param>
    /// <exception cref="InvalidDataException">The file is another one, or was altered.</exception>
    public ExportedGraph(byte[] file, string name, string kind, int numberOfThreads)
    {
        _name = name;
        if (!GraphSeal.IsIntact(file))
        {
            throw new InvalidDataException(
                $"'{name}' must end in the SHA-256 of what stands before it, as DCCL.ML exports graphs, but does not. "
                + "It was cut off or altered, or is another file: copy it again or export it again.");
        }

        try
        {
            _session = GraphSession.Open(file, numberOfThreads);
        }
        catch (OnnxRuntimeException fault)
        {
            throw new InvalidDataException($"'{name}' must be a graph that ONNX Runtime opens, but: {fault.Message} Export it again.", fault);
        }

        _lifetime = new SharedLifetime(this, _session.Dispose);
        try
        {
            _metadata = new Dictionary<string, string>(_session.ModelMetadata.CustomMetadataMap);
            CheckVersion();
            Expect(GraphMetadata.Kind, kind);
            (Architecture, Patch, _) = ParseArchitecture();
            Fingerprint = Get(GraphMetadata.Fingerprint);
            if (Fingerprint.Length != UserPatch.FingerprintLength || !Fingerprint.All(char.IsAsciiHexDigitLower))
            {
                throw Fault($"a fingerprint of {UserPatch.FingerprintLength} hexadecimal digits", $"'{Fingerprint}'");
            }
        }
        catch
        {
            _session.Dispose();
            throw;
        }
    }

    public BackboneArchitecture Architecture { get; }

    public PatchArchitecture? Patch { get; }

    public string Fingerprint { get; }

    /// <summary>Finds an input, one with a default among them.</summary>
    public NodeMetadata? FindInput(string name) =>
        _session.InputMetadata.GetValueOrDefault(name) ?? _session.OverridableInitializerMetadata.GetValueOrDefault(name);

    /// <summary>Gets a property that must be there.</summary>
    public string Get(string key) =>
        _metadata.TryGetValue(key, out string? value) ? value : throw Fault($"the property '{key}'", "none");

    /// <summary>Checks that another graph was exported from the same model.</summary>
    public void CheckBelongsTo(ExportedGraph model)
    {
        if (Fingerprint != model.Fingerprint)
        {
            throw Fault($"the model {model.Fingerprint[..8]}… of '{model._name}'", $"model {Fingerprint[..8]}…");
        }
    }

    /// <summary>Runs the graph.</summary>
    /// <param name="inputs">The inputs, disposed here.</param>
    /// <param name="outputs">The names and the buffers, with their shapes, of the wanted outputs.</param>
    /// <exception cref="ObjectDisposedException">The graph has been disposed of.</exception>
    public void Run(IReadOnlyList<(string Name, OrtValue Value)> inputs, IReadOnlyList<(string Name, float[] Buffer, long[] Shape)> outputs)
    {
        List<OrtValue> results = [];
        bool isHeld = false;
        try
        {
            _lifetime.Hold();
            isHeld = true;
            foreach ((_, float[] buffer, long[] shape) in outputs)
            {
                results.Add(OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, buffer.AsMemory(0, (int)Count(shape)), shape));
            }

            using RunOptions options = new();
            _session.Run(options, [.. inputs.Select(input => input.Name)], [.. inputs.Select(input => input.Value)], [.. outputs.Select(output => output.Name)], results);
        }
        catch (OnnxRuntimeException fault)
        {
            throw new InvalidDataException($"'{_name}' must give what its metadata say, but: {fault.Message} Export it again.", fault);
        }
        finally
        {
            foreach (OrtValue value in inputs.Select(input => input.Value).Concat(results))
            {
                value.Dispose();
            }

            if (isHeld)
            {
                _lifetime.Release();
            }
        }
    }

    public static OrtValue Wrap<T>(T[] buffer, params long[] shape)
        where T : unmanaged =>
        OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, buffer.AsMemory(0, (int)Count(shape)), shape);

    /// <summary>Closes the session, after the calls that are under way.</summary>
    public void Dispose() => _lifetime.Dispose();

    private static long Count(long[] shape) => shape.Aggregate(1L, (product, length) => checked(product * length));

    private void CheckVersion()
    {
        string version = Get(GraphMetadata.FormatVersion);
        if (!int.TryParse(version, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out int number)
            || number is < 1 or > LargestFormatVersion)
        {
            throw Fault($"a format version from 1 to {LargestFormatVersion}", $"'{version}'");
        }
    }

    private void Expect(string key, string value)
    {
        if (Get(key) != value)
        {
            throw Fault($"'{value}' as '{key}'", $"'{Get(key)}'");
        }
    }

    private (BackboneArchitecture, PatchArchitecture?, PatchEncoderArchitecture?) ParseArchitecture()
    {
        try
        {
            return ArchitectureText.Parse(Get(GraphMetadata.Architecture));
        }
        catch (JsonException fault)
        {
            throw new InvalidDataException($"'{_name}' must say what its model is, but: {fault.Message} Export it again.", fault);
        }
    }

    private InvalidDataException Fault(string expected, string found) =>
        new($"'{_name}' must have {expected}, but has {found}. Choose the file that DCCL.ML exported, or export it again.");
}
