using DCCL.ML.Data;
using DCCL.Trainers.Checkpoints;
using DCCL.Trainers.Torch;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.SasRec;

/// <summary>
/// Fits a SASRec to whole sequences: one pass over a sequence foresees each of its events among all items, or among those that are
/// sampled for the batch.
/// </summary>
/// <remarks>
/// <para>
/// What its user has at another time is no candidate beside an event, as it is no negative in the paper: it would be pushed down for being taken
/// earlier or later, and is never ranked against what comes next.
/// </para>
/// <para>Each batch is divided among <see cref="Replicas{TModel}"/>. Not thread-safe. Owns the replicas, not the model.</para>
/// </remarks>
internal sealed class SequenceTraining : ICloudEpochs
{
    // Windows of one batch are of similar length, so that little is padding: they are sorted this many batches at a time.
    private const int SortedBatches = 32;

    private readonly SequenceTable _table;
    private readonly InteractionLog _seen;
    private readonly Settings _settings;
    private readonly SeededRandom _random;
    private readonly Adam _optimizer;
    private readonly Replicas<SasRecModule> _replicas;
    private readonly SampledItems? _sampler;
    private readonly ProbabilityCalibration _calibration;

    /// <summary>How to fit.</summary>
    /// <param name="BatchSize">Windows in a batch.</param>
    /// <param name="LearningRate">Adam's step size.</param>
    /// <param name="WeightDecay">Decoupled weight decay.</param>
    /// <param name="NumberOfSampledItems">Items drawn for a batch; 0 for all.</param>
    /// <param name="NumberOfThreads">The number of workers.</param>
    public sealed record Settings(int BatchSize, double LearningRate, double WeightDecay, int NumberOfSampledItems, int NumberOfThreads);

    public SequenceTraining(SasRecModule model, SequenceTable table, InteractionLog seen, Settings settings, SeededRandom random)
    {
        _table = table;
        _seen = seen;
        _settings = settings;
        _random = random;
        _sampler = settings.NumberOfSampledItems is > 0 and int count && count < seen.NumberOfItems
            ? new SampledItems(table.CountItems(), count)
            : null;
        _calibration = new ProbabilityCalibration(model, table, seen, random);
        _replicas = new Replicas<SasRecModule>(
            model, settings.NumberOfThreads, () => new Generator((ulong)random.Next(int.MaxValue)));
        _optimizer = new Adam(model.Trainable, settings.LearningRate, settings.WeightDecay);
        NumberOfBatches = 1;
    }

    public int NumberOfBatches { get; private set; }

    public double RunEpoch(Action<int> batchDone)
    {
        List<SequenceWindow[]> batches = CreateBatches();
        NumberOfBatches = batches.Count;
        double sum = 0;
        for (int i = 0; i < batches.Count; i++)
        {
            sum += RunBatch(batches[i]);
            batchDone(i + 1);
        }

        _calibration.Apply();
        return sum / Math.Max(1, _table.NumberOfEvents);
    }

    public void Transfer(CheckpointState state)
    {
        _optimizer.Transfer(state);
        _replicas.Transfer(state);
    }

    public void Dispose() => _replicas.Dispose();

    private List<SequenceWindow[]> CreateBatches()
    {
        SequenceWindow[] windows = [.. _table.Cut(_random)];
        _random.Shuffle<SequenceWindow>(windows);
        List<SequenceWindow[]> batches = [];
        foreach (SequenceWindow[] chunk in windows.Chunk(SortedBatches * _settings.BatchSize))
        {
            batches.AddRange(chunk.OrderBy(window => window.Length).Chunk(_settings.BatchSize));
        }

        SequenceWindow[][] shuffled = [.. batches];
        _random.Shuffle<SequenceWindow[]>(shuffled);
        return [.. shuffled];
    }

    private double RunBatch(SequenceWindow[] windows)
    {
        // Handles of gradients would keep their memory until the garbage collector comes by.
        using DisposeScope scope = torch.NewDisposeScope();
        List<int> events = _table.GetTargets(windows);
        SampledItems.Sample? sample = _sampler?.Draw(events, _random);
        _optimizer.ClearGradients();
        double loss = _replicas.Differentiate(windows.Length, (model, generator, range) =>
        {
            Tensor sum = SumLoss(model, generator, windows.AsSpan(range), sample);
            sum.Over(events.Count).backward();
            return sum.item<float>();
        });
        _optimizer.Step();
        return loss;
    }

    private Tensor SumLoss(SasRecModule model, Generator generator, ReadOnlySpan<SequenceWindow> windows, SampledItems.Sample? sample)
    {
        (TrainingBatch batch, long[] rows, int[] targets, int[] owners) = _table.CreateBatch(windows);
        Tensor states = model.GetStates(batch.History, batch.Profiles, onlyLast: false, generator);          // [windows, length, dim]
        Tensor users = states.reshape(-1, states.shape[2]);
        Tensor items = model.Weights["item.embedding"];
        Tensor bias = model.Weights["item.bias"];
        if (sample is null)
        {
            long count = items.shape[0] - 1; // the padding is no item
            targets = Array.ConvertAll(targets, item => item - 1);
            int[][] taken = GetTaken(owners, item => item - 1);
            return ItemSoftmax.SumLoss(users, items.narrow(0, 1, count), bias.narrow(0, 1, count), rows, targets, taken);
        }

        Tensor chosen = torch.tensor(sample.Items);
        targets = Array.ConvertAll(targets, item => sample.Places[item]);
        bias = LookupFunction.Look(bias, chosen).Plus(torch.tensor(sample.Corrections));
        return ItemSoftmax.SumLoss(
            users, LookupFunction.Look(items, chosen), bias, rows, targets, GetTaken(owners, item => sample.Places.GetValueOrDefault(item, -1)));
    }

    // Of each event the columns of all that its user has; a column below 0 is none.
    private int[][] GetTaken(int[] owners, Func<int, int> column)
    {
        Dictionary<int, int[]> taken = [];
        foreach (int user in owners.Distinct())
        {
            taken.Add(user, [.. _seen.GetItems(user).ToArray().Select(column).Where(place => place >= 0)]);
        }

        return Array.ConvertAll(owners, user => taken[user]);
    }
}
