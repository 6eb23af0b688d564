using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.Trainers.MetaPatch;
using DCCL.Trainers.Torch;
using TorchSharp;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.MoMoDistill;

/// <summary>What stage 2 knows of each user besides the samples: old patch, user vector, teacher's logits, and who judges.</summary>
/// <remarks>Owns its tensors, one set a chunk of the store.</remarks>
internal sealed class UserInputs : IDisposable
{
    private readonly List<(Tensor Patches, Tensor Users, Tensor Teacher, Tensor Teaches, Tensor IsValidation)> _chunks = [];

    /// <summary>Prepares the inputs.</summary>
    /// <param name="model">The new cloud model.</param>
    /// <param name="events">All events.</param>
    /// <param name="plan">The plan.</param>
    /// <param name="store">The samples, encoded by the new cloud model.</param>
    /// <param name="teacherStore">The same samples, encoded by the teachers' one.</param>
    /// <param name="teachers">The patched models.</param>
    /// <param name="random">Draws who judges.</param>
    /// <param name="validationFraction">The share of users who judge.</param>
    public static UserInputs Create(
        TorchBackbone model, EventTable events, DistillationPlan plan, SampleStore store, SampleStore teacherStore, Teachers teachers,
        SeededRandom random, double validationFraction)
    {
        Dictionary<int, int> firstDeviceEvents = [];
        foreach (int index in plan.DeviceEvents)
        {
            firstDeviceEvents.TryAdd(events.Users[index], index);
        }

        UserInputs result = new();
        using IDisposable noGradients = torch.no_grad();
        for (int i = 0; i < store.Chunks.Count; i++)
        {
            using DisposeScope scope = torch.NewDisposeScope();
            int[] users = [.. store.Chunks[i].Rows.Select(row => store.Users[row])];
            float[] teaches = new float[users.Length];
            float[] validation = new float[users.Length];
            for (int row = 0; row < users.Length; row++)
            {
                validation[row] = random.NextDouble() < validationFraction ? 1 : 0;
                teaches[row] = teachers.Teaches(users[row]) ? 1 : 0;
            }

            (Tensor, Tensor, Tensor, Tensor, Tensor) inputs = (
                teachers.GetPatches(users, plan.StageTwoFold),
                CreateUserVectors(model, events, [.. users.Select(user => firstDeviceEvents[user])]),
                teachers.Score(teacherStore.Chunks[i], teachers.GetTeachingPatches(users, plan.StageTwoFold)),
                torch.tensor(teaches, users.Length, 1),
                torch.tensor(validation, users.Length, 1));
            foreach (Tensor tensor in (Tensor[])[inputs.Item1, inputs.Item2, inputs.Item3, inputs.Item4, inputs.Item5])
            {
                tensor.DetachFromDisposeScope();
            }

            result._chunks.Add(inputs);
        }

        return result;
    }

    /// <summary>The inputs of some rows of a chunk; views.</summary>
    public (Tensor Patches, Tensor Users, Tensor Teacher, Tensor Teaches, Tensor IsValidation) Get(int chunk, int first, int count)
    {
        (Tensor patches, Tensor users, Tensor teacher, Tensor teaches, Tensor isValidation) = _chunks[chunk];
        return (
            patches.narrow(0, first, count), users.narrow(0, first, count), teacher.narrow(0, first, count),
            teaches.narrow(0, first, count), isValidation.narrow(0, first, count));
    }

    public void Dispose()
    {
        foreach ((Tensor patches, Tensor users, Tensor teacher, Tensor teaches, Tensor isValidation) in _chunks)
        {
            patches.Dispose();
            users.Dispose();
            teacher.Dispose();
            teaches.Dispose();
            isValidation.Dispose();
        }
    }

    // The profile, or the mean embedding, under the new model, of what the user had used before the device period.
    private static Tensor CreateUserVectors(TorchBackbone model, EventTable events, int[] firstDeviceEvents)
    {
        BackboneArchitecture architecture = model.Architecture;
        if (architecture.ProfileDimension > 0)
        {
            float[] profiles = [.. firstDeviceEvents.SelectMany(index => events.GetProfile(index).ToArray())];
            return torch.tensor(profiles, firstDeviceEvents.Length, architecture.ProfileDimension);
        }

        TrainingBatch batch = events.CreateBatch(firstDeviceEvents, []);
        Tensor embeddings = LookupFunction.Look(model.Weights["item.embedding"], batch.History);             // [users, length, dim]
        return embeddings.sum(1) / batch.History.IsNot(0).sum(1, keepdim: true).AtLeast(1);
    }
}
