using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;

namespace DCCL.TestKit;

/// <summary>Makes models of random shape with random weights, and random batches for them.</summary>
public static class RandomModel
{
    public static DeviceCloudModelParameters Create(
        SeededRandom random, BackboneArchitecture architecture, PatchArchitecture? patch = null, PatchEncoderArchitecture? encoder = null)
    {
        Dictionary<string, float[]> tensors = [];
        double patchScale = architecture is SasRecArchitecture ? 0.2 : 0.3; // a SASRec multiplies what is patched with what is patched
        IEnumerable<TensorShape> shapes =
        [
            .. architecture.Tensors, .. patch?.GetTensors(architecture) ?? [], .. encoder?.GetTensors(architecture, patch!) ?? [],
        ];
        foreach (TensorShape shape in shapes)
        {
            // A weight matrix keeps the size of what it is multiplied with, so that logits are of the order of 1.
            double scale = shape.Name.EndsWith(".weight", StringComparison.Ordinal) ? 1 / Math.Sqrt(shape.Dimensions[0])
                : shape.Name.StartsWith("patch.", StringComparison.Ordinal) ? patchScale
                : 0.7;
            float[] values = [.. Enumerable.Range(0, shape.NumberOfElements).Select(_ => (float)(scale * random.NextGaussian()))];
            if (shape.Name.EndsWith(".variance", StringComparison.Ordinal))
            {
                values = Array.ConvertAll(values, value => 0.1f + Math.Abs(value));
            }

            if (shape.Name.EndsWith(".offset", StringComparison.Ordinal))
            {
                values.AsSpan(values.Length / 2).Clear(); // the offset of W_up is zero
            }

            if (shape.Name == "item.embedding")
            {
                values.AsSpan(0, architecture.EmbeddingDimension).Clear();
            }

            tensors.Add(shape.Name, values);
        }

        return new DeviceCloudModelParameters(architecture, patch, encoder, tensors);
    }

    public static DinArchitecture CreateArchitecture(SeededRandom random) => new()
    {
        NumberOfItems = 1 + random.Next(39),
        HistoryLength = 1 + random.Next(11),
        EmbeddingDimension = 1 + random.Next(8),
        ProfileDimension = random.Next(3) == 0 ? 1 + random.Next(4) : 0,
        ActivationUnitSize = 1 + random.Next(9),
        HiddenLayerSizes = [.. Enumerable.Range(0, 1 + random.Next(3)).Select(_ => 1 + random.Next(11))],
        Activation = (DinActivation)random.Next(2),
        AttentionWeights = (AttentionWeights)random.Next(2),
    };

    /// <summary>Draws a shape of one kind of network.</summary>
    /// <param name="random">Draws it.</param>
    /// <param name="backbone">"din" or "sasrec".</param>
    public static BackboneArchitecture CreateArchitecture(SeededRandom random, string backbone)
    {
        if (backbone == "din")
        {
            return CreateArchitecture(random);
        }

        int heads = 1 + random.Next(3);
        return new SasRecArchitecture
        {
            NumberOfItems = 1 + random.Next(39),
            HistoryLength = 1 + random.Next(11),
            EmbeddingDimension = heads * (2 + random.Next(3)),
            ProfileDimension = random.Next(3) == 0 ? 1 + random.Next(4) : 0,
            NumberOfBlocks = 1 + random.Next(3),
            NumberOfHeads = heads,
            FeedForwardSize = 1 + random.Next(9),
        };
    }

    public static PatchArchitecture CreatePatch(SeededRandom random, BackboneArchitecture architecture)
    {
        PatchArchitecture patch = new()
        {
            PatchSize = 1 + random.Next(6),
            BottleneckSize = 1 + random.Next(3),
            Activation = (PatchActivation)random.Next(3),
            Layers = [.. Enumerable.Range(0, architecture.PatchableLayerSizes.Count).Where(_ => random.Next(3) > 0)],
        };
        SeededRandom ofFactors = random.Fork(1);
        return patch with { NumberOfItemFactors = ofFactors.Next(2) == 0 ? 0 : ofFactors.Next(patch.PatchSize) };
    }

    /// <summary>Fills a batch; histories are of any length from none to all, with padding at their ends.</summary>
    public static ScoringBatch CreateBatch(
        SeededRandom random,
        DeviceCloudModelParameters parameters,
        int numberOfGroups,
        int numberOfCandidates,
        int historyLength,
        int numberOfPatches)
    {
        ScoringBatch batch = new();
        int patchSize = parameters.Patch?.PatchSize ?? 0;
        int numberOfItems = parameters.Architecture.NumberOfItems;
        batch.Resize(parameters.Architecture, numberOfGroups, numberOfCandidates, historyLength, numberOfPatches, patchSize);
        for (int i = 0; i < numberOfGroups * numberOfCandidates; i++)
        {
            batch.Items[i] = 1 + random.Next(numberOfItems);
        }

        for (int group = 0; group < numberOfGroups; group++)
        {
            int known = random.Next(historyLength + 1);
            for (int j = 0; j < historyLength; j++)
            {
                batch.History[(group * historyLength) + j] = j < known ? 1 + random.Next(numberOfItems) : 0;
            }
        }

        Fill(random, batch.Profiles);
        Fill(random, batch.Patches);
        return batch;
    }

    public static void Fill(SeededRandom random, Span<float> values)
    {
        foreach (ref float value in values)
        {
            value = (float)random.NextGaussian();
        }
    }
}
