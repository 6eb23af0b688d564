using System.Globalization;
using System.Numerics.Tensors;
using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.Trainers.Torch;
using TorchSharp;
using Parameter = TorchSharp.Modules.Parameter;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.MetaPatch;

/// <summary>Learns the factors of items across users: sums of them are to foresee what the cloud model, which is frozen, does not.</summary>
/// <remarks>
/// <para>
/// An item i after the items j is worth <c>logit + (sum_j q_j) . q_i</c>. Each event is to stand out against items that its user has never had,
/// by the softmax among them; the penalty <c>|q - start|^2</c> draws the factors to the singular vectors from which they start. So what all devices saw
/// teaches which items go together, and how much of that the cloud model lacks; a user's sum stays the user's own.
/// </para>
/// <para>
/// With labels what was refused is taken away from the sum, and no items are drawn: an event is to be told apart from the user's next events of the other
/// label, pair by pair, by what was had before it.
/// </para>
/// <para>
/// Source: Kabbur, Ning and Karypis, "FISM: factored item similarity models for top-n recommender systems", KDD 2013, with one set of factors for both
/// sides, on top of another model.
/// </para>
/// <para>Not thread-safe. Holds the candidates of all events with the cloud model's logits; of many events those of a sample of users.</para>
/// </remarks>
internal sealed class FactorLearner
{
    /// <summary>The share of a user's events, the most recent ones, that judges factors which have learnt from the others.</summary>
    public const double JudgedFraction = 0.5;

    private const int NegativesPerEvent = 128;
    private const int OppositesPerEvent = 16;
    private const int EventsInBatch = 128;
    private const int EventsAtOnce = 32;
    private const double LearningRate = 0.0005;

    // Of |q - start|^2, where sums are of the order of logits, against the sum of all events' cross-entropy.
    private const double Penalty = 3;

    // 800 MB.
    private const int MaximumNumberOfCandidates = 100_000_000;
    private const ulong NegativesStream = 1ul << 41;
    private const ulong OrderStream = 1ul << 42;
    private const ulong UsersStream = 1ul << 43;

    private readonly TrainingRun _run;
    private readonly string _owner;
    private readonly MetaPatchTrainer.Options _options;
    private readonly TorchBackbone _model;
    private readonly InteractionLog _log;
    private readonly EventTable _all;
    private readonly EventTable _events;
    private readonly int[] _taken;
    private readonly int _numberOfFactors;
    private readonly int[][] _distinct;
    private readonly int[] _ends;
    private readonly int _candidatesPerEvent;
    private readonly int[] _candidates;
    private readonly int[] _opposites;
    private readonly float[] _logits;

    /// <summary>Puts candidates beside each event: items that are drawn and scored by the cloud model, or the next events of the other label.</summary>
    /// <param name="run">The run.</param>
    /// <param name="owner">Whose stages are reported.</param>
    /// <param name="options">The options.</param>
    /// <param name="model">The cloud model, a replica that asks for no gradients.</param>
    /// <param name="log">All events.</param>
    /// <param name="events">Those of them that are learnt from, a user's one after the other.</param>
    /// <param name="sampler">Draws what a user has never had; null with labels.</param>
    /// <param name="numberOfFactors">K.</param>
    public FactorLearner(
        TrainingRun run, string owner, MetaPatchTrainer.Options options, TorchBackbone model, InteractionLog log, EventTable events,
        NegativeSampler? sampler, int numberOfFactors)
    {
        _run = run;
        _owner = owner;
        _options = options;
        _model = model;
        _log = log;
        _all = events;
        _candidatesPerEvent = 1 + (events.HasLabels ? OppositesPerEvent : NegativesPerEvent);
        _taken = events.SampleUsers(MaximumNumberOfCandidates / _candidatesPerEvent, new SeededRandom(run.Seed).Fork(UsersStream));
        if (_taken.Length < events.Count)
        {
            run.Info($"{owner}: factors are learnt from {_taken.Length} of {events.Count} events");
        }

        _events = events.Select(_taken);
        _numberOfFactors = numberOfFactors;
        _candidates = new int[_events.Count * _candidatesPerEvent];
        _logits = new float[_candidates.Length];
        _distinct = new int[log.NumberOfUsers + 1][];
        _ends = new int[_events.Count];
        foreach ((int user, int first, int count) in _events.GetUsers())
        {
            _distinct[user] = ListDistinct(log.GetItems(user), log.GetLabels(user), _events.Indices.Slice(first, count), _ends.AsSpan(first, count));
        }

        SeededRandom random = new SeededRandom(run.Seed).Fork(NegativesStream);
        int numberOfParts = (_events.Count + EventsAtOnce - 1) / EventsAtOnce;
        int done = 0;
        Parallel.For(0, numberOfParts, run.Parallel, part =>
        {
            TrainingRun.PrepareThread();
            int first = part * EventsAtOnce;
            Score(model, sampler, random.Fork((ulong)part), first, Math.Min(EventsAtOnce, _events.Count - first));
            run.Report($"{owner}: candidates", (double)Interlocked.Increment(ref done) / numberOfParts);
        });
        _opposites = new int[events.HasLabels ? _candidates.Length : 0];
        if (events.HasLabels)
        {
            FindOpposites();
        }
    }

    /// <summary>
    /// Learns from each user's earlier events, chooses by the later ones how long, and how much of the sums is kept, and then learns as long from all.
    /// </summary>
    /// <param name="start">The factors to start from [items + 1, K].</param>
    /// <param name="cloud">The cloud model.</param>
    /// <returns>The factors, and the strength of their sums, 0 to 1.</returns>
    public (float[] Factors, double Strength) LearnAndGate(float[] start, DeviceCloudModelParameters cloud)
    {
        (float[] early, int epochs) = Learn(start);
        double strength = _options.Strength ?? Gate(early, cloud);
        return (strength > 0 ? Learn(start, epochs, _ => true) : early, strength);
    }

    /// <summary>Learns from each user's earlier events as long as that helps the later ones, foreseen from the sum of what was before the first of them.</summary>
    /// <param name="start">The factors to start from [items + 1, K].</param>
    /// <returns>The factors, and the number of epochs; the start and 0 if nothing helps.</returns>
    public (float[] Factors, int Epochs) Learn(float[] start)
    {
        (int[] early, int[] late) = Divide();
        ReadOnlyMemory<int>[] had = GetFirst(late);
        using Parameter factors = Import(start);
        double before = Measure(factors, late, had);
        (double Loss, float[] Factors, int Epochs) best = (before, start, 0);
        Train(factors, early, $"{_owner}: factors", _options.NumberOfBasisEpochs, _options.BasisPatience, epoch =>
        {
            double held = Measure(factors, late, had);
            if (held < best.Loss)
            {
                best = (held, Export(factors), epoch);
            }

            return -held;
        });
        _run.Info(string.Create(
            CultureInfo.InvariantCulture,
            $"{_owner}: later events have loss {before:F4} with sums of the first factors, {best.Loss:F4} with those of epoch {best.Epochs}"));
        return (best.Factors, best.Epochs);
    }

    /// <summary>Learns from some of the events.</summary>
    /// <param name="start">The factors to start from [items + 1, K].</param>
    /// <param name="epochs">The number of epochs.</param>
    /// <param name="counts">Whether an event is learnt from, by its place in the table of events.</param>
    /// <returns>The factors [items + 1, K].</returns>
    public float[] Learn(float[] start, int epochs, Func<int, bool> counts)
    {
        int[] places = [.. Enumerable.Range(0, _taken.Length).Where(place => counts(_taken[place]))];
        using Parameter factors = Import(start);
        Train(factors, places, $"{_owner}: factors, for good", epochs, patience: epochs, _ => null);
        return epochs == 0 ? start : Export(factors);
    }

    // In place; judge takes the number of an epoch that is done.
    private void Train(Parameter factors, int[] places, string stage, int epochs, int patience, Func<int, double?> judge)
    {
        SeededRandom random = new SeededRandom(_run.Seed).Fork(OrderStream);
        bool[] counts = Mark(places);
        Adam optimizer = new([factors], LearningRate);
        using Tensor start = factors.detach().clone();
        _run.RunEpochs(
            stage, epochs, patience, (epoch, report) => (RunEpoch(factors, start, places, counts, random, optimizer, report), judge(epoch)), improved: () => { });
    }

    private double Gate(float[] early, DeviceCloudModelParameters cloud)
    {
        using SumGate gate = new(_run, cloud, _log, _all, JudgedFraction, _model.NumberOfPairsToJudge);
        return new FactorSums(_run, early, _numberOfFactors, _options).ChooseStrength(gate, start: null);
    }

    // The items in the order in which they came first, those that were refused with a minus, and how many of them came before each of some events.
    private static int[] ListDistinct(ReadOnlySpan<int> items, ReadOnlySpan<bool> labels, ReadOnlySpan<int> indices, Span<int> ends)
    {
        List<int> distinct = [];
        HashSet<int> seen = [];
        int next = 0;
        for (int i = 0; i < items.Length && next < indices.Length; i++)
        {
            if (i == indices[next])
            {
                ends[next++] = distinct.Count;
            }

            int item = labels.IsEmpty || labels[i] ? items[i] : -items[i];
            if (seen.Add(item))
            {
                distinct.Add(item);
            }
        }

        return [.. distinct];
    }

    private void Score(TorchBackbone model, NegativeSampler? sampler, SeededRandom random, int first, int count)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        using IDisposable noGradients = torch.no_grad();
        int[] places = [.. Enumerable.Range(first, count)];
        int perEvent = _events.HasLabels ? 0 : NegativesPerEvent;
        int[] negatives = new int[count * perEvent];
        for (int i = 0; i < count; i++)
        {
            Span<int> own = negatives.AsSpan(i * perEvent, perEvent);
            sampler?.Sample(_events.Users[first + i], own, random);
            int at = (first + i) * _candidatesPerEvent;
            _candidates[at] = _events.Items[first + i];
            own.CopyTo(_candidates.AsSpan(at + 1));
        }

        float[] logits = model.Forward(_events.CreateBatch(places, negatives), generator: null).ToArray();
        for (int i = 0; i < logits.Length; i++)
        {
            // Who had everything has nothing to be told apart from.
            int at = ((first + (i / (1 + perEvent))) * _candidatesPerEvent) + (i % (1 + perEvent));
            _logits[at] = _candidates[at] == 0 ? float.NegativeInfinity : logits[i];
        }
    }

    // Of each event the user's next ones of the other label; -1 for none.
    private void FindOpposites()
    {
        Array.Fill(_opposites, -1);
        foreach ((_, int first, int count) in _events.GetUsers())
        {
            for (int place = first; place < first + count; place++)
            {
                int at = place * _candidatesPerEvent;
                for (int other = place + 1, found = 0; other < first + count && found < OppositesPerEvent; other++)
                {
                    if (_events.GetLabel(other) != _events.GetLabel(place))
                    {
                        found++;
                        _opposites[at + found] = other;
                        (_candidates[at + found], _logits[at + found]) = (_events.Items[other], _logits[other * _candidatesPerEvent]);
                    }
                }
            }
        }
    }

    private double RunEpoch(Parameter factors, Tensor start, int[] places, bool[] counts, SeededRandom random, Adam optimizer, Action<double> report)
    {
        int[] order = [.. places];
        random.Shuffle<int>(order);
        double sum = 0;
        for (int first = 0; first < order.Length; first += EventsInBatch)
        {
            using DisposeScope scope = torch.NewDisposeScope();
            int[] batch = order[first..Math.Min(order.Length, first + EventsInBatch)];
            optimizer.ClearGradients();
            Tensor loss = SumLoss(factors, batch, counts, Array.ConvertAll(batch, GetHad));
            Tensor distance = (factors - start).Squared().sum();
            loss.Plus(distance.Times(Penalty * batch.Length / order.Length)).Over(batch.Length).backward();
            optimizer.Step();
            sum += loss.item<float>();
            report((double)Math.Min(order.Length, first + EventsInBatch) / order.Length);
        }

        return sum / Math.Max(1, order.Length);
    }

    private double Measure(Parameter factors, int[] places, ReadOnlyMemory<int>[] had)
    {
        using IDisposable noGradients = torch.no_grad();
        bool[] counts = Mark(places);
        double sum = 0;
        for (int first = 0; first < places.Length; first += EventsInBatch)
        {
            using DisposeScope scope = torch.NewDisposeScope();
            int[] batch = places[first..Math.Min(places.Length, first + EventsInBatch)];
            sum += SumLoss(factors, batch, counts, had[first..(first + batch.Length)]).item<float>();
        }

        return sum / Math.Max(1, places.Length);
    }

    // The cross-entropy of each event's item among its candidates, or of pairs with those that count, after what its user had.
    private Tensor SumLoss(Parameter factors, int[] places, bool[] counts, ReadOnlyMemory<int>[] had)
    {
        long[] items = new long[places.Length * _candidatesPerEvent];
        float[] logits = new float[items.Length];
        for (int i = 0; i < items.Length; i++)
        {
            int at = (places[i / _candidatesPerEvent] * _candidatesPerEvent) + (i % _candidatesPerEvent);
            (items[i], logits[i]) = (_candidates[at], _logits[at]);
        }

        Tensor candidates = LookupFunction.Look(factors, torch.tensor(items, places.Length, _candidatesPerEvent)); // [events, 1 + n, K]
        Tensor sums = RowSumFunction.Sum(factors, had).unsqueeze(2);                                                  // [events, K, 1]
        Tensor scores = torch.bmm(candidates, sums).squeeze(2).Plus(torch.tensor(logits, places.Length, _candidatesPerEvent));
        return _events.HasLabels
            ? SumPairLoss(scores, places, counts)
            : torch.nn.functional.log_softmax(scores, dim: 1).narrow(1, 0, 1).sum().neg();
    }

    // Of each event the mean over its pairs.
    private Tensor SumPairLoss(Tensor scores, int[] places, bool[] counts)
    {
        float[] weights = new float[places.Length * OppositesPerEvent];
        float[] signs = new float[places.Length];
        for (int i = 0; i < places.Length; i++)
        {
            signs[i] = _events.GetLabel(places[i]) ? 1 : -1;
            ReadOnlySpan<int> opposites = _opposites.AsSpan((places[i] * _candidatesPerEvent) + 1, OppositesPerEvent);
            Span<float> own = weights.AsSpan(i * OppositesPerEvent, OppositesPerEvent);
            int pairs = 0;
            for (int j = 0; j < own.Length; j++)
            {
                own[j] = opposites[j] >= 0 && counts[opposites[j]] ? 1 : 0;
                pairs += (int)own[j];
            }

            TensorPrimitives.Divide(own, Math.Max(1, pairs), own);
        }

        Tensor distances = scores.narrow(1, 0, 1) - scores.narrow(1, 1, OppositesPerEvent);                           // [events, n]
        Tensor likelihoods = torch.nn.functional.logsigmoid(distances * torch.tensor(signs, places.Length, 1));
        return (likelihoods * torch.tensor(weights, places.Length, OppositesPerEvent)).sum().neg();
    }

    private bool[] Mark(int[] places)
    {
        bool[] marks = new bool[_events.Count];
        foreach (int place in places)
        {
            marks[place] = true;
        }

        return marks;
    }

    private (int[] Early, int[] Late) Divide()
    {
        List<int> early = [];
        List<int> late = [];
        foreach ((_, int first, int count) in _events.GetUsers())
        {
            for (int place = 0; place < count; place++)
            {
                (PatchTraining.IsHeldBack(place, count, JudgedFraction) ? late : early).Add(first + place);
            }
        }

        return ([.. early], [.. late]);
    }

    private ReadOnlyMemory<int> GetHad(int place) => GetHad(place, _ends[place]);

    private ReadOnlyMemory<int> GetHad(int place, int end)
    {
        int start = _options.MaximumNumberOfEvents == 0 ? 0 : Math.Max(0, end - _options.MaximumNumberOfEvents);
        return _distinct[_events.Users[place]].AsMemory(start..end);
    }

    private ReadOnlyMemory<int>[] GetFirst(int[] places)
    {
        Dictionary<int, int> ends = [];
        return Array.ConvertAll(places, place =>
        {
            ends.TryAdd(_events.Users[place], _ends[place]);
            return GetHad(place, ends[_events.Users[place]]);
        });
    }

    // A sum is to be of the order of a logit: without the scale that leaves room for weights which are learnt by steps.
    private Parameter Import(float[] factors)
    {
        float scale = (float)(1 / FactorSums.GetScale(_options.L2));
        using Tensor managed = torch.tensor(Array.ConvertAll(factors, value => scale * value), factors.Length / _numberOfFactors, _numberOfFactors);
        using Tensor tensor = managed.clone();
        Parameter parameter = new(tensor, requires_grad: true);
        parameter.DetachFromDisposeScope();
        return parameter;
    }

    private float[] Export(Parameter factors)
    {
        float scale = (float)FactorSums.GetScale(_options.L2);
        return Array.ConvertAll(factors.ToArray(), value => scale * value);
    }
}
