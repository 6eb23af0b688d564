using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.Trainers.MetaPatch;
using DCCL.Trainers.Torch;
using TorchSharp;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.MoMoDistill;

/// <summary>Which events are the devices', which of them stage 1 leaves out for stage 2, and which fold each belongs to.</summary>
/// <remarks>
/// The events of stage 2 are one more fold: their teachers are patches that have seen none of them, so that a user has a single
/// patch there. Immutable and thread-safe.
/// </remarks>
internal sealed class DistillationPlan
{
    // Teachers are many: one patch for each user and fold. Few negatives of each event are enough for them.
    private const int NegativesPerEvent = 4;
    private readonly int _numberOfFolds;

    private DistillationPlan(int[] folds, int[] deviceEvents, int[] stageOne, int[] stageTwo, int numberOfFolds)
    {
        Folds = folds;
        DeviceEvents = deviceEvents;
        StageOne = stageOne;
        StageTwo = stageTwo;
        _numberOfFolds = numberOfFolds;
    }

    /// <summary>Gets each event's fold; -1 for the cloud's events.</summary>
    public int[] Folds { get; }

    /// <summary>Gets the devices' events, in table order.</summary>
    public int[] DeviceEvents { get; }

    /// <summary>Gets the events that stage 1 learns from.</summary>
    public int[] StageOne { get; }

    /// <summary>Gets the device events that are left to stage 2.</summary>
    public int[] StageTwo { get; }

    /// <summary>Gets the fold of the events of stage 2.</summary>
    public int StageTwoFold => _numberOfFolds;

    public static DistillationPlan Create(EventTable events, Func<int, int> firstDeviceEvent, int numberOfFolds, double stageTwoFraction, SeededRandom random)
    {
        int[] folds = new int[events.Count];
        List<int> device = [];
        List<int> stageOne = [];
        List<int> stageTwo = [];
        int user = 0;
        int first = 0;
        int ordinal = 0;
        for (int i = 0; i < events.Count; i++)
        {
            if (events.Users[i] != user)
            {
                user = events.Users[i];
                first = firstDeviceEvent(user);
                ordinal = 0;
            }

            if (events.Indices[i] < first)
            {
                folds[i] = -1;
                stageOne.Add(i);
                continue;
            }

            device.Add(i);
            bool isHeldOut = random.NextDouble() < stageTwoFraction;
            (isHeldOut ? stageTwo : stageOne).Add(i);
            folds[i] = isHeldOut ? numberOfFolds : ordinal % numberOfFolds;
            ordinal++;
        }

        return new DistillationPlan(folds, [.. device], [.. stageOne], [.. stageTwo], numberOfFolds);
    }

    /// <summary>Counts the device events of each user who has some.</summary>
    public Dictionary<int, int> CountDeviceEvents(EventTable events)
    {
        Dictionary<int, int> counts = [];
        foreach (int index in DeviceEvents)
        {
            int user = events.Users[index];
            counts[user] = counts.GetValueOrDefault(user) + 1;
        }

        return counts;
    }

    /// <summary>Learns, for each fold, the patches of all users from their events outside of it.</summary>
    /// <returns>[folds][(user - 1) d + k]; the last fold is that of stage 2.</returns>
    public float[][] CrossFit(
        PatchTraining training, PatchTensors patch, EventTable events, InteractionLog log, UserPatches patches, TrainingRun run)
    {
        EventTable device = events.Select(DeviceEvents);
        using SampleStore pool = training.Encode(device, log, patch);
        using SampleStore store = pool.KeepNegatives(NegativesPerEvent);
        int size = patches.PatchSize;
        float[][] result = [.. Enumerable.Range(0, _numberOfFolds + 1).Select(_ => new float[patches.NumberOfUsers * size])];
        int[][] foldsOf = GetFoldsByUser(device, store);
        int done = 0;
        Parallel.ForEach(store.Chunks, run.Parallel, chunk =>
        {
            TrainingRun.PrepareThread();
            using DisposeScope scope = torch.NewDisposeScope();
            Tensor folds = CreateFolds(chunk, foldsOf);
            Tensor start = torch.zeros(chunk.Rows.Length, size);
            for (int fold = 0; fold <= _numberOfFolds; fold++)
            {
                using DisposeScope inner = torch.NewDisposeScope();
                Tensor others = chunk.Weight * folds.IsNot(fold);
                float[] learnt = training.CreateSolver(patch).Solve(chunk, others, start).ToArray();
                for (int row = 0; row < chunk.Rows.Length; row++)
                {
                    int user = store.Users[chunk.Rows[row]];
                    learnt.AsSpan(row * size, size).CopyTo(result[fold].AsSpan((user - 1) * size));
                }
            }

            run.Report("momodistill: teachers", (double)Interlocked.Add(ref done, chunk.Rows.Length) / store.Users.Length);
        });

        return result;
    }

    /// <summary>Sums, for each fold, over the events of all users outside of it, those of the cloud included.</summary>
    /// <param name="sums">Of each fold what sums factors that know none of its events.</param>
    /// <param name="strength">How much of a sum teaches, 0 to 1.</param>
    /// <param name="device">The devices' events.</param>
    /// <param name="folds">Their folds.</param>
    /// <param name="log">All events that count.</param>
    /// <param name="patches">The patches of all users: who has none teaches nothing.</param>
    /// <param name="run">The run.</param>
    /// <returns>[folds][(user - 1) d + k].</returns>
    public static float[][] CrossSum(
        IReadOnlyList<FactorSums> sums, double strength, EventTable device, int[] folds, InteractionLog log, UserPatches patches, TrainingRun run)
    {
        int size = patches.PatchSize;
        float[][] result = [.. sums.Select(_ => new float[patches.NumberOfUsers * size])];
        Parallel.ForEach(device.GetUsers().Where(own => patches.GetStatus(own.User) == PatchStatus.Patched), run.Parallel, own =>
        {
            Dictionary<int, int> foldsByIndex = Enumerable.Range(own.First, own.Count).ToDictionary(i => device.Indices[i], i => folds[i]);
            for (int fold = 0; fold < sums.Count; fold++)
            {
                sums[fold].Sum(
                    log.GetItems(own.User), log.GetLabels(own.User), index => foldsByIndex.GetValueOrDefault(index, -1) != fold, strength,
                    result[fold].AsSpan((own.User - 1) * size, size));
            }
        });

        return result;
    }

    private int[][] GetFoldsByUser(EventTable device, SampleStore store)
    {
        Dictionary<int, List<int>> byUser = [];
        for (int i = 0; i < device.Count; i++)
        {
            if (!byUser.TryGetValue(device.Users[i], out List<int>? folds))
            {
                byUser.Add(device.Users[i], folds = []);
            }

            folds.Add(Folds[DeviceEvents[i]]);
        }

        return [.. store.Users.Select(user => byUser[user].ToArray())];
    }

    private static Tensor CreateFolds(SampleChunk chunk, int[][] foldsOf)
    {
        int samples = (int)chunk.Weight.shape[1];
        float[] folds = new float[chunk.Rows.Length * samples];
        for (int row = 0; row < chunk.Rows.Length; row++)
        {
            int[] own = foldsOf[chunk.Rows[row]];
            for (int sample = 0; sample < own.Length * chunk.SamplesPerEvent; sample++)
            {
                folds[(row * samples) + sample] = own[sample / chunk.SamplesPerEvent];
            }
        }

        return torch.tensor(folds, chunk.Rows.Length, samples);
    }
}
