using System.Numerics.Tensors;
using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.Trainers.Torch;

namespace DCCL.Trainers.MetaPatch;

/// <summary>Patches that weigh factors of the item and nothing else: each is a sum over what its user had.</summary>
/// <remarks>
/// <para>
/// With the singular vectors that the factors start from, the projection of a user on their directions (fold-in); <see cref="FactorLearner"/> learns on from
/// there. What the cloud model remembers of the user counts as the device's events do: the factors are the same for all, but the sum is the user's own, and
/// says the more the longer it is.
/// </para>
/// <para>Source: Cremonesi, Koren and Turrin, "Performance of recommender algorithms on top-n recommendation tasks", RecSys 2010 (PureSVD).</para>
/// <para>Immutable and thread-safe; who makes many patches has them made by several threads.</para>
/// </remarks>
internal sealed class FactorSums
{
    // Factors are so long that weights which are learnt by steps, and drawn to 0 by L2, have room: of orthonormal ones the squared length by L2.
    private const double SquaredScale = 4;

    // A network that tells what is liked from what is refused knows less of who had what: a sum is worth more on top of it. Chosen on validation events.
    private const double LabelledWeight = 2;
    private static readonly float[] _strengths = [0, 0.25f, 0.5f, 0.75f, 1];

    private readonly TrainingRun _run;
    private readonly float[] _factors;
    private readonly int _numberOfFactors;
    private readonly int _maximumNumberOfEvents;
    private readonly double _rate;

    /// <summary>Prepares the sums.</summary>
    /// <param name="run">The run.</param>
    /// <param name="factors">The factors of the items [items + 1, K].</param>
    /// <param name="numberOfFactors">K.</param>
    /// <param name="options">The options that the factors were found with.</param>
    public FactorSums(TrainingRun run, float[] factors, int numberOfFactors, MetaPatchTrainer.Options options)
    {
        _run = run;
        _factors = factors;
        _numberOfFactors = numberOfFactors;
        _maximumNumberOfEvents = options.MaximumNumberOfEvents;
        _rate = 1 / (SquaredScale * options.L2);
    }

    /// <summary>Gets d: an intercept and K factors.</summary>
    public int PatchSize => 1 + _numberOfFactors;

    /// <summary>Finds the factors of items: the leading singular vectors of who had what.</summary>
    /// <param name="known">The events that may be known.</param>
    /// <param name="numberOfFactors">K, the number of factors.</param>
    /// <param name="l2">The penalty on weights that are learnt by steps: factors are so large that it leaves room.</param>
    /// <param name="hasLabels">Whether the events that sums are to foresee have labels.</param>
    /// <param name="seed">Draws the first subspace.</param>
    /// <returns>[items + 1, K] row-major; all zero if there are no events.</returns>
    public static float[] FindFactors(InteractionLog known, int numberOfFactors, double l2, bool hasLabels, int seed)
    {
        float[] directions = SpectralEmbedding.FindDirections(known, numberOfFactors, new SeededRandom(seed));
        float scale = (float)(GetScale(l2) * Math.Sqrt(hasLabels ? LabelledWeight : 1));
        return Array.ConvertAll(directions, value => scale * value);
    }

    /// <summary>How many times as long as orthonormal ones factors are.</summary>
    /// <param name="l2">The penalty on weights that are learnt by steps.</param>
    public static double GetScale(double l2) => Math.Sqrt(SquaredScale * l2);

    /// <summary>Chooses how much of the sums is kept, the same for all users, by how they rank held-back events.</summary>
    /// <remarks>Where these say nothing for sure, as much as before is kept.</remarks>
    /// <param name="gate">Ranks the events.</param>
    /// <param name="start">The patches of before; null if there are none.</param>
    /// <returns>The strength, 0 to 1.</returns>
    public double ChooseStrength(SumGate gate, UserPatches? start)
    {
        int chosen = gate.Choose(this, _strengths);
        return chosen > 0 || start is null ? _strengths[chosen] : GetStrength(start, gate.GetHistory());
    }

    /// <summary>Makes every user's patch.</summary>
    /// <param name="log">All events: what is remembered, then the devices' own.</param>
    /// <param name="events">Those of them that are new to the cloud model: whoever has some gets a patch.</param>
    /// <param name="start">The patches of before, which the others keep; null if there are none.</param>
    /// <param name="strength">How much of a sum is kept, 0 to 1.</param>
    public UserPatches Create(InteractionLog log, EventTable events, UserPatches? start, double strength)
    {
        int[] users = GetUsers(events);
        _run.Info(FormattableString.Invariant($"metapatch: {users.Length} patches summed, of which {strength:P0} is kept"));
        return CreateTable(log, users, start, strength);
    }

    /// <summary>Finds how much of the sums was kept in patches.</summary>
    /// <param name="patches">The patches, sums of these factors.</param>
    /// <param name="log">The events that they are sums of.</param>
    /// <returns>0 to 1; 0 if nobody has a patch.</returns>
    public double GetStrength(UserPatches patches, InteractionLog log)
    {
        double product = 0;
        double square = 0;
        float[] full = new float[PatchSize];
        for (int user = 1; user <= Math.Min(patches.NumberOfUsers, log.NumberOfUsers); user++)
        {
            if (patches.GetStatus(user) == PatchStatus.Patched)
            {
                Sum(log.GetItems(user), log.GetLabels(user), _ => true, strength: 1, full);
                product += TensorPrimitives.Dot(full, patches[user]);
                square += TensorPrimitives.SumOfSquares<float>(full);
            }
        }

        return square == 0 ? 0 : Math.Clamp(product / square, 0, 1);
    }

    /// <summary>Sums over what a user had, each item once; what was refused counts against its like, each item once as well.</summary>
    /// <param name="items">The items of the user's events, oldest first.</param>
    /// <param name="labels">Whether each was liked; empty if events have no labels.</param>
    /// <param name="counts">Whether an event counts, by its index.</param>
    /// <param name="strength">How much of the sum is kept, 0 to 1.</param>
    /// <param name="patch">Receives the patch [d]; its intercept is 0.</param>
    public void Sum(ReadOnlySpan<int> items, ReadOnlySpan<bool> labels, Func<int, bool> counts, double strength, Span<float> patch)
    {
        double[] sums = new double[_numberOfFactors];
        HashSet<int> summed = [];
        for (int i = _maximumNumberOfEvents == 0 ? 0 : Math.Max(0, items.Length - _maximumNumberOfEvents); i < items.Length; i++)
        {
            int sign = labels.IsEmpty || labels[i] ? 1 : -1;
            if (counts(i) && summed.Add(sign * items[i]))
            {
                ReadOnlySpan<float> factors = _factors.AsSpan(items[i] * _numberOfFactors, _numberOfFactors);
                for (int k = 0; k < factors.Length; k++)
                {
                    sums[k] += sign * factors[k];
                }
            }
        }

        patch[0] = 0;
        for (int k = 0; k < sums.Length; k++)
        {
            patch[1 + k] = (float)(strength * _rate * sums[k]);
        }
    }

    /// <summary>Gets what a patch adds to an item's logit, the intercept aside.</summary>
    /// <param name="patch">The patch [d].</param>
    /// <param name="item">The item.</param>
    public float Weigh(ReadOnlySpan<float> patch, int item) =>
        TensorPrimitives.Dot(patch[1..], _factors.AsSpan(item * _numberOfFactors, _numberOfFactors));

    /// <summary>Gets what an item's own share of a sum adds to its logit.</summary>
    /// <param name="item">The item.</param>
    public float WeighItself(int item) => (float)_rate * TensorPrimitives.SumOfSquares<float>(_factors.AsSpan(item * _numberOfFactors, _numberOfFactors));

    /// <summary>Scores all items by the whole sum.</summary>
    /// <param name="items">The items of the user's events, oldest first.</param>
    /// <returns>What the sum adds to the logit of item 1, 2, ... [items].</returns>
    public float[] Score(ReadOnlySpan<int> items)
    {
        float[] patch = new float[PatchSize];
        Sum(items, labels: [], _ => true, strength: 1, patch);
        float[] scores = new float[(_factors.Length / _numberOfFactors) - 1];
        for (int i = 0; i < scores.Length; i++)
        {
            scores[i] = Weigh(patch, i + 1);
        }

        return scores;
    }

    /// <summary>Makes the patches of some users.</summary>
    /// <param name="log">The events that count.</param>
    /// <param name="users">The users.</param>
    /// <param name="start">The patches of before, which the others keep; null if there are none.</param>
    /// <param name="strength">How much of a sum is kept, 0 to 1.</param>
    public UserPatches CreateTable(InteractionLog log, IEnumerable<int> users, UserPatches? start, double strength)
    {
        float[] values = new float[log.NumberOfUsers * PatchSize];
        PatchStatus[] statuses = new PatchStatus[log.NumberOfUsers];
        Array.Fill(statuses, PatchStatus.Cloud);
        for (int user = 1; user <= (start?.NumberOfUsers ?? 0); user++)
        {
            statuses[user - 1] = start!.GetStatus(user);
            start[user].CopyTo(values.AsSpan((user - 1) * PatchSize));
        }

        Parallel.ForEach(users, _run.Parallel, user =>
        {
            Span<float> patch = values.AsSpan((user - 1) * PatchSize, PatchSize);
            Sum(log.GetItems(user), log.GetLabels(user), _ => true, strength, patch);
            statuses[user - 1] = patch.ContainsAnyExcept(0f) ? PatchStatus.Patched : PatchStatus.Gated;
        });

        return new UserPatches(PatchSize, values, statuses);
    }

    private static int[] GetUsers(EventTable events) => [.. events.GetUsers().Select(own => own.User)];
}
