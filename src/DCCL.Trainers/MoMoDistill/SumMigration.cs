using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.Trainers.MetaPatch;
using DCCL.Trainers.Torch;
using TorchSharp;

namespace DCCL.Trainers.MoMoDistill;

/// <summary>Stage 2 where patches are sums of factors: there is nothing to learn, factors and sums are found anew, of all events.</summary>
/// <remarks>
/// How much of a sum is kept on the new cloud model is judged on the events that stage 1 left out, by factors and sums that lack them, too. Immutable.
/// </remarks>
internal sealed class SumMigration
{
    private readonly TrainingRun _run;
    private readonly PatchTraining _training;
    private readonly BackboneArchitecture _backbone;
    private readonly PatchArchitecture _shape;
    private readonly MetaPatchTrainer.Options _options;

    /// <summary>Prepares the stage.</summary>
    /// <param name="run">The run.</param>
    /// <param name="training">Scores patches on the new cloud model.</param>
    /// <param name="backbone">The shape of this model.</param>
    /// <param name="shape">The shape of the patches.</param>
    /// <param name="options">How patches are made.</param>
    public SumMigration(
        TrainingRun run, PatchTraining training, BackboneArchitecture backbone, PatchArchitecture shape, MetaPatchTrainer.Options options)
    {
        _run = run;
        _training = training;
        _backbone = backbone;
        _shape = shape;
        _options = options;
    }

    /// <summary>Makes factors and patches.</summary>
    /// <param name="log">All events.</param>
    /// <param name="events">Those of them that have something before them.</param>
    /// <param name="plan">Which are the devices', and which of these stage 1 left out.</param>
    /// <param name="old">The patches of before; users who had none and have no event on a device still have none.</param>
    public (PatchTensors Factors, UserPatches Patches) Migrate(InteractionLog log, EventTable events, DistillationPlan plan, UserPatches old)
    {
        HashSet<(int User, int Index)> heldOut = [.. plan.StageTwo.Select(i => (events.Users[i], events.Indices[i]))];
        InteractionLog early = log.Where((user, index) => !heldOut.Contains((user, index)));
        int strength = heldOut.Count == 0 ? 0 : Judge(log, early, events.Select(plan.StageTwo));
        PatchTensors factors = FindFactors(log);
        IEnumerable<int> users = plan.CountDeviceEvents(events).Keys
            .Union(Enumerable.Range(1, old.NumberOfUsers).Where(user => old.GetStatus(user) is PatchStatus.Patched or PatchStatus.Gated));
        float kept = PatchGate.Strengths[strength].Others;
        _run.Info(FormattableString.Invariant($"momodistill: patches summed anew, of which {kept:P0} is kept"));
        return (factors, new FactorSums(factors, _options.MaximumNumberOfEvents).CreateTable(log, users, start: null, kept));
    }

    private int Judge(InteractionLog log, InteractionLog early, EventTable heldOut)
    {
        using PatchTensors factors = FindFactors(early);
        FactorSums sums = new(factors, _options.MaximumNumberOfEvents);
        using SampleStore store = _training.Encode(heldOut, log, factors, _run.Random.Fork(3));
        return _training.ChooseStrengthForAll(factors, store, chunk =>
        {
            int[] users = [.. store.Chunks[chunk].Rows.Select(row => store.Users[row])];
            float[] patches = new float[users.Length * _shape.PatchSize];
            for (int i = 0; i < users.Length; i++)
            {
                sums.Sum(early.GetItems(users[i]), _ => true, strength: 1, patches.AsSpan(i * _shape.PatchSize, _shape.PatchSize));
            }

            return torch.tensor(patches, users.Length, _shape.PatchSize);
        });
    }

    private PatchTensors FindFactors(InteractionLog known) => PatchTensors.CreateRandom(
        _shape, _backbone, _run.Random, FactorSums.FindFactors(known, _shape.NumberOfItemFactors, _options.L2, _run.Seed));
}
