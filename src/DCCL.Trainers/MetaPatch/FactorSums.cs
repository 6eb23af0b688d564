using System.Numerics.Tensors;
using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.Trainers.Torch;

namespace DCCL.Trainers.MetaPatch;

/// <summary>Patches that weigh factors of the item and nothing else, where events have no labels: each is a sum over what its user had.</summary>
/// <remarks>
/// <para>
/// The projection of a user on the factors' directions (fold-in). What the cloud model remembers of the user counts as the device's events do: the
/// directions are the cloud's, but the sum is the user's own, and says the more the longer it is.
/// </para>
/// <para>Source: Cremonesi, Koren and Turrin, "Performance of recommender algorithms on top-n recommendation tasks", RecSys 2010 (PureSVD).</para>
/// <para>Immutable and thread-safe; who makes many patches has them made by several threads.</para>
/// </remarks>
internal sealed class FactorSums
{
    /// <summary>How much a sum adds to a logit at full strength, as a multiple of the projection, in which an event counts 1.</summary>
    public const double ProjectionWeight = 4;

    // The weight that suits is of the order of the logits that a sum is added to, which differs from model to model.
    private static readonly float[] _strengths = [0, 1 / 16f, 1 / 8f, 1 / 4f, 1 / 2f, 1];

    private readonly TrainingRun _run;
    private readonly float[] _factors;
    private readonly int _numberOfFactors;
    private readonly int _maximumNumberOfEvents;
    private readonly double _rate;

    /// <summary>Prepares the sums.</summary>
    /// <param name="run">The run.</param>
    /// <param name="patch">What holds the factors.</param>
    /// <param name="maximumNumberOfEvents">The number of a user's most recent events that count; 0 for all.</param>
    public FactorSums(TrainingRun run, PatchTensors patch, int maximumNumberOfEvents = 0)
    {
        _run = run;
        _factors = patch.GetFactors();
        _numberOfFactors = patch.Architecture.NumberOfItemFactors;
        _maximumNumberOfEvents = maximumNumberOfEvents;
        double[] squares = new double[_numberOfFactors];
        for (int i = 0; i < _factors.Length; i++)
        {
            squares[i % _numberOfFactors] += (double)_factors[i] * _factors[i];
        }

        // The columns of the factors are all of one length, or zero.
        _rate = ProjectionWeight / Math.Max(1e-12, squares.Max());
    }

    private int PatchSize => 1 + _numberOfFactors;

    /// <summary>Whether patches are such sums.</summary>
    /// <param name="architecture">The shape of the patches.</param>
    /// <param name="hasLabels">Whether events have labels, which weights are learnt from by steps.</param>
    public static bool Describe(PatchArchitecture architecture, bool hasLabels) =>
        !hasLabels && architecture is { NumberOfItemFactors: > 0, NumberOfBasisColumns: 0 };

    /// <summary>Finds the factors of items: the leading singular vectors of who had what.</summary>
    /// <param name="known">The events that may be known.</param>
    /// <param name="numberOfFactors">K, the number of factors.</param>
    /// <param name="l2">The penalty on weights that are learnt by steps: factors are so large that it leaves room.</param>
    /// <param name="seed">Draws the first subspace.</param>
    /// <returns>[items + 1, K] row-major; all zero if there are no events.</returns>
    public static float[] FindFactors(InteractionLog known, int numberOfFactors, double l2, int seed)
    {
        float[] directions = SpectralEmbedding.FindDirections(known, numberOfFactors, new SeededRandom(seed));
        float scale = (float)Math.Sqrt(ProjectionWeight * l2);
        return Array.ConvertAll(directions, value => scale * value);
    }

    /// <summary>Makes every user's patch, and keeps as much of it as held-back events say.</summary>
    /// <remarks>Where they say nothing for sure, as much as before is kept.</remarks>
    /// <param name="log">All events: what is remembered, then the devices' own.</param>
    /// <param name="events">Those of them that are new to the cloud model: whoever has some gets a patch.</param>
    /// <param name="start">The patches of before, which the others keep; null if there are none.</param>
    /// <param name="gate">Chooses the strength, one for all users; null where one is given.</param>
    /// <param name="strength">The strength that is given, 0 to 1; null to choose.</param>
    public UserPatches Create(InteractionLog log, EventTable events, UserPatches? start, RankingGate? gate, double? strength)
    {
        int[] users = [.. events.GetUsers().Select(own => own.User)];
        int chosen = gate?.ChooseForAll(users, _strengths, index => CreateTable(gate.History, users, start, _strengths[index])) ?? 0;
        double kept = strength ?? (chosen > 0 || start is null ? _strengths[chosen] : GetStrength(start, gate!.History));
        _run.Info(FormattableString.Invariant($"metapatch: {users.Length} patches summed, of which {kept:P0} is kept"));
        return CreateTable(log, users, start, kept);
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
                Sum(log.GetItems(user), _ => true, strength: 1, full);
                product += TensorPrimitives.Dot(full, patches[user]);
                square += TensorPrimitives.SumOfSquares<float>(full);
            }
        }

        return square == 0 ? 0 : Math.Clamp(product / square, 0, 1);
    }

    /// <summary>Sums over what a user had, each item once.</summary>
    /// <param name="items">The items of the user's events, oldest first.</param>
    /// <param name="counts">Whether an event counts, by its index.</param>
    /// <param name="strength">How much of the sum is kept, 0 to 1.</param>
    /// <param name="patch">Receives the patch [d]; its intercept is 0.</param>
    public void Sum(ReadOnlySpan<int> items, Func<int, bool> counts, double strength, Span<float> patch)
    {
        double[] sums = new double[_numberOfFactors];
        HashSet<int> summed = [];
        for (int i = _maximumNumberOfEvents == 0 ? 0 : Math.Max(0, items.Length - _maximumNumberOfEvents); i < items.Length; i++)
        {
            if (counts(i) && summed.Add(items[i]))
            {
                ReadOnlySpan<float> factors = _factors.AsSpan(items[i] * _numberOfFactors, _numberOfFactors);
                for (int k = 0; k < factors.Length; k++)
                {
                    sums[k] += factors[k];
                }
            }
        }

        patch[0] = 0;
        for (int k = 0; k < sums.Length; k++)
        {
            patch[1 + k] = (float)(strength * _rate * sums[k]);
        }
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
            Sum(log.GetItems(user), _ => true, strength, patch);
            statuses[user - 1] = patch.ContainsAnyExcept(0f) ? PatchStatus.Patched : PatchStatus.Gated;
        });

        return new UserPatches(PatchSize, values, statuses);
    }
}
