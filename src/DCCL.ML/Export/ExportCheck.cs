using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Onnx;
using DCCL.ML.Scoring;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace DCCL.ML.Export;

/// <summary>Runs an exported scoring graph in ONNX Runtime and compares it with the model's own scorer, on random inputs.</summary>
internal static partial class ExportCheck
{
    // The same sums in another order, or constants folded: float32 leaves about 1e-6 of the largest term.
    private const double Tolerance = 1e-4;

    // float16 has 11 binary digits: each weight is off by up to 5e-4 of itself.
    private const double HalfTolerance = 2e-2;

    private static readonly (int Groups, int Candidates)[] _shapes = [(1, 1), (1, 9), (1, DinGraph.ManyCandidates + 2), (5, 1), (3, 4)];

    /// <summary>Compares.</summary>
    /// <param name="file">The exported file.</param>
    /// <param name="parameters">The model.</param>
    /// <param name="options">How it was built.</param>
    /// <exception cref="InvalidOperationException">A score differs.</exception>
    public static void Run(byte[] file, DeviceCloudModelParameters parameters, DeviceGraph.Options options)
    {
        using InferenceSession session = GraphSession.Open(file);
        using ModelScorer scorer = new(parameters, numberOfThreads: 1);
        SeededRandom random = new(1);
        double tolerance = options.IsHalf ? HalfTolerance : Tolerance;
        foreach ((int groups, int candidates) in _shapes)
        {
            foreach (int patches in (int[])(parameters.Patch is null ? [0] : groups == 1 ? [0, 1] : [0, 1, groups]))
            {
                if (options.Baked is null || patches == 1)
                {
                    Compare(session, scorer, Draw(random, parameters, options, groups, candidates, patches), options, tolerance);
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
        InferenceSession session, ModelScorer scorer, ScoringBatch batch, DeviceGraph.Options options, double tolerance)
    {
        List<NamedOnnxValue> inputs =
        [
            CreateItems(session, options.Ids, ModelGraph.ItemInput, batch.Items, batch.NumberOfGroups, batch.NumberOfCandidates),
            CreateItems(session, options.Ids, ModelGraph.HistoryInput, batch.History, batch.NumberOfGroups, batch.HistoryLength),
        ];
        if (session.InputMetadata.ContainsKey(ModelGraph.ProfileInput))
        {
            int dimension = scorer.Parameters.Architecture.ProfileDimension;
            inputs.Add(CreateFloats(ModelGraph.ProfileInput, batch.Profiles, batch.NumberOfGroups, dimension));
        }

        if (options.Baked is null && scorer.Parameters.Patch is PatchArchitecture patch && (batch.NumberOfPatches > 0 || options.RequiresPatch))
        {
            float[] values = batch.NumberOfPatches == 0 ? new float[patch.PatchSize] : batch.Patches;
            inputs.Add(CreateFloats(ModelGraph.PatchInput, values, Math.Max(1, batch.NumberOfPatches), patch.PatchSize));
        }

        using IDisposableReadOnlyCollection<DisposableNamedOnnxValue> outputs = session.Run(inputs, [ModelGraph.ScoreOutput, ModelGraph.ProbabilityOutput]);
        float[] scores = [.. outputs[0].AsEnumerable<float>()];
        float[] probabilities = [.. outputs[1].AsEnumerable<float>()];
        scorer.Score(batch);
        for (int i = 0; i < scores.Length; i++)
        {
            float expected = batch.Scores[i];
            bool agrees = float.IsNaN(expected)
                ? float.IsNaN(scores[i]) && float.IsNaN(probabilities[i])
                : Math.Abs(scores[i] - expected) <= tolerance * Math.Max(1, Math.Abs(expected))
                    && Math.Abs(probabilities[i] - (1 / (1 + Math.Exp(-expected)))) <= tolerance;
            if (!agrees)
            {
                throw new InvalidOperationException(FormattableString.Invariant(
                    $"The exported model must give the score {expected} (within {tolerance:G1}), but in ONNX Runtime gives {scores[i]}. ")
                    + (options.IsHalf ? "Its weights do not bear float16: export them as float32." : "Nothing was exported: please report it."));
            }
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
