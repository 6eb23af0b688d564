using DCCL.ML.Data;
using DCCL.Trainers.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.Torch;

/// <summary>
/// Fits a cloud model to events, epoch by epoch: binary cross-entropy on labelled events, or on each event and negatives that
/// are drawn anew each time; optionally with teachers.
/// </summary>
/// <remarks>
/// Each batch is divided among <see cref="Replicas{TModel}"/>. Not thread-safe. Owns the replicas, not the model.
/// </remarks>
internal sealed class CloudTraining : ICloudEpochs
{
    private readonly EventTable _events;
    private readonly Settings _settings;
    private readonly NegativeSampler? _sampler;
    private readonly SeededRandom _random;
    private readonly Adam _optimizer;
    private readonly Replicas<TorchBackbone> _replicas;
    private readonly int[] _order;

    /// <summary>How to fit.</summary>
    /// <param name="BatchSize">Events in a batch.</param>
    /// <param name="LearningRate">Adam's step size.</param>
    /// <param name="WeightDecay">Decoupled weight decay.</param>
    /// <param name="NumberOfNegatives">Negatives of each event, if events have no labels.</param>
    /// <param name="Loss">The loss of an event and its negatives.</param>
    /// <param name="NumberOfThreads">The number of workers.</param>
    /// <param name="LogitShift">
    /// What is taken from a logit before the loss: the logarithm of how many times more negatives there are than the probability of a score is meant
    /// for. Source: King and Zeng, "Logistic regression in rare events data", 2001, section 4.1 (prior correction).
    /// </param>
    public sealed record Settings(
        int BatchSize, double LearningRate, double WeightDecay, int NumberOfNegatives, CandidateLoss Loss, int NumberOfThreads, double LogitShift = 0);

    /// <summary>A further term of the loss of some events.</summary>
    /// <param name="batch">The events, as the model sees them.</param>
    /// <param name="events">Their indices in the table.</param>
    /// <param name="logits">The model's logits, shifted [events, candidates].</param>
    /// <returns>The sum over the events; called from several threads at once.</returns>
    public delegate Tensor Teacher(TrainingBatch batch, ReadOnlySpan<int> events, Tensor logits);

    public CloudTraining(TorchBackbone model, EventTable events, InteractionLog seen, Settings settings, SeededRandom random)
    {
        _events = events;
        _settings = settings;
        _random = random;
        _sampler = events.HasLabels ? null : new NegativeSampler(seen, seed: random.Next(int.MaxValue));
        _replicas = new Replicas<TorchBackbone>(
            model, settings.NumberOfThreads, () => new Generator((ulong)random.Next(int.MaxValue)));
        _optimizer = new Adam(model.Trainable, settings.LearningRate, settings.WeightDecay);
        _order = [.. Enumerable.Range(0, events.Count)];
    }

    /// <summary>Gets the number of batches in an epoch.</summary>
    public int NumberOfBatches => (_events.Count + _settings.BatchSize - 1) / _settings.BatchSize;

    public double RunEpoch(Action<int> batchDone) => RunEpoch(teacher: null, batchDone);

    /// <summary>Runs one epoch.</summary>
    /// <param name="teacher">Adds to the loss; null for none.</param>
    /// <param name="batchDone">Called with the number of batches done; throws to stop.</param>
    /// <returns>The mean loss of an event.</returns>
    public double RunEpoch(Teacher? teacher, Action<int> batchDone)
    {
        _random.Shuffle<int>(_order);
        double sum = 0;
        for (int start = 0, batch = 1; start < _order.Length; start += _settings.BatchSize, batch++)
        {
            sum += RunBatch(_order.AsMemory(start, Math.Min(_settings.BatchSize, _order.Length - start)), teacher);
            batchDone(batch);
        }

        return sum / Math.Max(1, _order.Length);
    }

    public void Transfer(CheckpointState state)
    {
        // Each epoch shuffles the order of the one before.
        state.Transfer(_order.AsSpan());
        if (state.IsReading && !_order.Order().SequenceEqual(Enumerable.Range(0, _order.Length)))
        {
            throw new InvalidDataException("The order must hold each event once, but does not.");
        }

        _optimizer.Transfer(state);
        _replicas.Transfer(state);
    }

    public void Dispose() => _replicas.Dispose();

    private double RunBatch(ReadOnlyMemory<int> events, Teacher? teacher)
    {
        // Handles of gradients would keep their memory until the garbage collector comes by.
        using DisposeScope scope = torch.NewDisposeScope();
        int[] negatives = SampleNegatives(events.Span);
        int perEvent = negatives.Length / events.Length;
        _optimizer.ClearGradients();
        double loss = _replicas.Differentiate(events.Length, (model, generator, range) =>
        {
            (int first, int count) = range.GetOffsetAndLength(events.Length);
            return Differentiate(
                model, generator, events.Span[range], negatives.AsSpan(first * perEvent, count * perEvent), events.Length, teacher);
        });
        _optimizer.Step();
        return loss;
    }

    private double Differentiate(
        TorchBackbone model, Generator generator, ReadOnlySpan<int> events, ReadOnlySpan<int> negatives, int batchSize, Teacher? teacher)
    {
        TrainingBatch batch = _events.CreateBatch(events, negatives);
        Tensor logits = model.Forward(batch, generator).Plus(-_settings.LogitShift);                         // [events, candidates]
        Tensor loss = SumLoss(events, logits);
        loss = teacher is null ? loss : loss.Plus(teacher(batch, events, logits));
        loss.Over(batchSize).backward();
        return loss.item<float>();
    }

    private int[] SampleNegatives(ReadOnlySpan<int> events)
    {
        if (_sampler is null)
        {
            return [];
        }

        int count = _settings.NumberOfNegatives;
        int[] negatives = new int[events.Length * count];
        for (int row = 0; row < events.Length; row++)
        {
            _sampler.Sample(_events.Users[events[row]], negatives.AsSpan(row * count, count), _random);
        }

        return negatives;
    }

    // The sum over events; of the binary loss, each event's mean over its candidates.
    private Tensor SumLoss(ReadOnlySpan<int> events, Tensor logits)
    {
        if (!_events.HasLabels && _settings.Loss == CandidateLoss.SampledSoftmax)
        {
            return -torch.nn.functional.log_softmax(logits, dim: 1).narrow(1, 0, 1).sum();
        }

        long candidates = logits.shape[1];
        float[] labels = new float[events.Length * candidates];
        for (int row = 0; row < events.Length; row++)
        {
            labels[row * candidates] = _events.GetLabel(events[row]) ? 1 : 0;
        }

        Tensor target = torch.tensor(labels, events.Length, candidates);
        return torch.nn.functional.binary_cross_entropy_with_logits(logits, target, reduction: nn.Reduction.Sum).Over(candidates);
    }
}
