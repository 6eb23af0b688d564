using DCCL.ML.Data;
using DCCL.ML.Export;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.TestKit;

namespace DCCL.ML.Tests.Export;

/// <summary>A random model, as a transformer with nobody's history in it.</summary>
internal static class ExportedModel
{
    public static DeviceCloudPredictionTransformer CreateTransformer(
        DeviceCloudModelParameters parameters, IReadOnlyList<string>? ids = null, string? labelColumn = null)
    {
        BehaviorHistory history = new([0], [], parameters.Architecture.ProfileDimension, [], []);
        return new DeviceCloudPredictionTransformer(parameters, null, history, new InteractionColumns("User", "Item", null, labelColumn))
        {
            ItemIds = ids,
            NumberOfThreads = 1,
        };
    }

    public static byte[] Export(DeviceCloudPredictionTransformer model, OnnxExportOptions? options = null)
    {
        using MemoryStream stream = new();
        model.ExportToOnnx(stream, options);
        return stream.ToArray();
    }

    /// <summary>The inputs of a batch, with key values; without the patches if there are none.</summary>
    public static (string, Array, int[])[] Inputs(ScoringBatch batch, DeviceCloudModelParameters parameters)
    {
        int groups = batch.NumberOfGroups;
        int profile = parameters.Architecture.ProfileDimension;
        int size = parameters.Patch?.PatchSize ?? 0;
        List<(string, Array, int[])> inputs =
        [
            ("item", batch.Items[..(groups * batch.NumberOfCandidates)], [groups, batch.NumberOfCandidates]),
            ("history", batch.History[..(groups * batch.HistoryLength)], [groups, batch.HistoryLength]),
        ];
        if (profile > 0)
        {
            inputs.Add(("profile", batch.Profiles[..(groups * profile)], [groups, profile]));
        }

        if (batch.NumberOfPatches > 0)
        {
            inputs.Add(("patch", batch.Patches[..(batch.NumberOfPatches * size)], [batch.NumberOfPatches, size]));
        }

        return [.. inputs];
    }

    /// <summary>The scores that the equations give.</summary>
    public static double[] Expected(ScoringBatch batch, DeviceCloudModelParameters parameters, SeededRandom random)
    {
        TextbookNetwork textbook = TextbookNetwork.Create(parameters, random);
        int profile = parameters.Architecture.ProfileDimension;
        int size = parameters.Patch?.PatchSize ?? 0;
        return [.. Enumerable.Range(0, batch.NumberOfGroups * batch.NumberOfCandidates).Select(i =>
        {
            int group = i / batch.NumberOfCandidates;
            return textbook.Score(
                batch.Items[i],
                batch.History.AsSpan(group * batch.HistoryLength, batch.HistoryLength),
                batch.Profiles.AsSpan(group * profile, profile),
                batch.NumberOfPatches == 0 ? [] : batch.Patches.AsSpan(batch.NumberOfPatches == 1 ? 0 : group * size, size));
        })];
    }
}
