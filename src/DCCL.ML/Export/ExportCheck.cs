using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Onnx;
using DCCL.ML.Scoring;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace DCCL.ML.Export;

/// <summary>Runs exported graphs in ONNX Runtime and compares them with <see cref="ReferenceModel"/>, the cold start with <see cref="PatchEncoder"/>, on random inputs.</summary>
/// <remarks>The reference shares no arithmetic with the graphs' builder: comparing two graphs of one builder would show no fault of it.</remarks>
internal static partial class ExportCheck
{
    // The same sums in another order, or constants folded: float32 leaves about 1e-6 of the largest term.
    private const double Tolerance = 1e-4;

    // float16 has 11 binary digits: each weight is off by up to 5e-4 of itself.
    private const double HalfTolerance = 2e-2;

    private static readonly (int Groups, int Candidates)[] _shapes = [(1, 1), (1, 9), (1, DinGraph.ManyCandidates + 2), (5, 1), (3, 4)];

    /// <summary>Compares the scoring graph.</summary>
    /// <param name="file">The exported file.</param>
    /// <param name="parameters">The model.</param>
    /// <param name="options">How it was built.</param>
    /// <exception cref="InvalidOperationException">An output differs.</exception>
    public static void Run(byte[] file, DeviceCloudModelParameters parameters, DeviceGraph.Options options)
    {
        using InferenceSession session = GraphSession.Open(file);
        ReferenceModel reference = new(parameters);
        SeededRandom random = new(1);
        foreach ((int groups, int candidates) in _shapes)
        {
            foreach (int patches in (int[])(parameters.Patch is null ? [0] : groups == 1 ? [0, 1] : [0, 1, groups]))
            {
                if (options.Baked is null || patches == 1)
                {
                    Compare(session, reference, parameters, Draw(random, parameters, options, groups, candidates, patches), options);
                }
            }
        }
    }

    private static ScoringBatch Draw(
        SeededRandom random, DeviceCloudModelParameters parameters, DeviceGraph.Options options, int groups, int candidates, int patches)
    {
        BackboneArchitecture architecture = parameters.Architecture;
        int length = Math.Min(8, architecture.HistoryLength);
        ScoringBatch batch = new();
        batch.Resize(architecture, groups, candidates, length, patches, parameters.Patch?.PatchSize ?? 0);
        for (int i = 0; i < groups * candidates; i++)
        {
            batch.Items[i] = random.Next(architecture.NumberOfItems + 1);
        }

        for (int group = 0; group < groups; group++)
        {
            int known = random.Next(length + 1);
            for (int i = 0; i < length; i++)
            {
                batch.History[(group * length) + i] = i < known ? 1 + random.Next(architecture.NumberOfItems) : 0;
            }
        }

        Fill(random, batch.Profiles, 1);
        Fill(random, batch.Patches, 0.5);
        options.Baked?.CopyTo(batch.Patches, 0);
        return batch;
    }

    private static void Fill(SeededRandom random, float[] values, double scale)
    {
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (float)(scale * random.NextGaussian());
        }
    }

    private static void Compare(
        InferenceSession session, ReferenceModel reference, DeviceCloudModelParameters parameters, ScoringBatch batch, DeviceGraph.Options options)
    {
        List<NamedOnnxValue> inputs =
        [
            CreateItems(session, options.Ids, ModelGraph.ItemInput, batch.Items, batch.NumberOfGroups, batch.NumberOfCandidates),
            CreateItems(session, options.Ids, ModelGraph.HistoryInput, batch.History, batch.NumberOfGroups, batch.HistoryLength),
        ];
        int dimension = parameters.Architecture.ProfileDimension;
        if (dimension > 0)
        {
            inputs.Add(CreateFloats(ModelGraph.ProfileInput, batch.Profiles, batch.NumberOfGroups, dimension));
        }

        int size = parameters.Patch?.PatchSize ?? 0;
        bool hasPatchInput = size > 0 && options.Baked is null;
        if (hasPatchInput && (batch.NumberOfPatches > 0 || options.RequiresPatch))
        {
            float[] values = batch.NumberOfPatches == 0 ? new float[size] : batch.Patches;
            inputs.Add(CreateFloats(ModelGraph.PatchInput, values, Math.Max(1, batch.NumberOfPatches), size));
        }

        string[] names = [ModelGraph.ScoreOutput, ModelGraph.ProbabilityOutput, .. hasPatchInput ? [DeviceGraph.ActivationOutput, DeviceGraph.OffsetOutput] : Array.Empty<string>()];
        using IDisposableReadOnlyCollection<DisposableNamedOnnxValue> outputs = session.Run(inputs, names);
        float[][] actual = [.. outputs.Select(output => output.AsEnumerable<float>().ToArray())];
        double tolerance = options.IsHalf ? HalfTolerance : Tolerance;
        for (int i = 0; i < actual[0].Length; i++)
        {
            int group = i / batch.NumberOfCandidates;
            if (batch.Items[i] == 0)
            {
                Expect(double.NaN, actual[0][i], 0, "score", options);
                Expect(double.NaN, actual[1][i], 0, "probability", options);
                continue;
            }

            (double[] activation, double offset) = reference.Encode(
                batch.Items[i],
                batch.History.AsSpan(group * batch.HistoryLength, batch.HistoryLength),
                batch.Profiles.AsSpan(group * dimension, dimension));
            ReadOnlySpan<float> theta = batch.NumberOfPatches == 0 ? [] : batch.Patches.AsSpan(batch.NumberOfPatches == 1 ? 0 : group * size, size);
            (double logit, double magnitude) = reference.Decode(activation, offset, theta);
            Expect(logit, actual[0][i], tolerance * Math.Max(1, magnitude), "score", options);
            Expect(1 / (1 + Math.Exp(-logit)), actual[1][i], tolerance * Math.Max(1, magnitude), "probability", options);
            if (hasPatchInput)
            {
                double largest = Math.Max(1, activation.Max(Math.Abs));
                for (int n = 0; n < activation.Length; n++)
                {
                    Expect(activation[n], actual[2][(i * activation.Length) + n], tolerance * largest, "activation", options);
                }

                Expect(offset, actual[3][i], tolerance * Math.Max(1, Math.Abs(offset)), "offset", options);
            }
        }
    }

    private static void Expect(double expected, float actual, double tolerance, string output, DeviceGraph.Options options)
    {
        if (!(double.IsNaN(expected) ? float.IsNaN(actual) : Math.Abs(actual - expected) <= tolerance))
        {
            throw new InvalidOperationException(FormattableString.Invariant(
                $"The exported model must give the {output} {expected:G7} (within {tolerance:G1}), but in ONNX Runtime gives {actual}. ")
                + (options.IsHalf ? "Its weights do not bear float16: export them as float32." : "Nothing was exported: please report it."));
        }
    }

    private static NamedOnnxValue CreateItems(
        InferenceSession session, IReadOnlyList<string>? ids, string name, long[] keys, int rows, int columns)
    {
        int[] shape = [rows, columns];
        int count = rows * columns;
        string padding = session.ModelMetadata.CustomMetadataMap[GraphMetadata.Padding];
        if (ids is null)
        {
            return NamedOnnxValue.CreateFromTensor(name, new DenseTensor<long>(keys.AsMemory(0, count), shape));
        }

        string[] raw = [.. keys.Take(count).Select(key => key == 0 ? padding : ids[(int)key - 1])];
        return session.InputMetadata[name].ElementType == typeof(long)
            ? NamedOnnxValue.CreateFromTensor(
                name, new DenseTensor<long>(Array.ConvertAll(raw, id => long.Parse(id, System.Globalization.CultureInfo.InvariantCulture)), shape))
            : NamedOnnxValue.CreateFromTensor(name, new DenseTensor<string>(raw, shape));
    }

    private static NamedOnnxValue CreateFloats(string name, float[] values, int rows, int columns) =>
        NamedOnnxValue.CreateFromTensor(name, new DenseTensor<float>(values.AsMemory(0, rows * columns), [rows, columns]));
}
