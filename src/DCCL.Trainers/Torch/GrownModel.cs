using DCCL.ML.Model;
using DCCL.ML.Scoring;

namespace DCCL.Trainers.Torch;

/// <summary>Puts a previous model into the key space of new data: old rows stay what they are, new users and items get rows.</summary>
internal static class GrownModel
{
    /// <summary>Makes the model.</summary>
    /// <param name="previous">The previous model.</param>
    /// <param name="users">Where its users stand.</param>
    /// <param name="items">Where its items stand.</param>
    /// <param name="architecture">The network of as many items as there are now, of the same shape otherwise.</param>
    /// <param name="initialize">Makes the first values of a tensor, for the rows of new items.</param>
    /// <returns>The cloud model and the histories, without patches.</returns>
    public static DeviceCloudPredictionTransformer Create(
        DeviceCloudPredictionTransformer previous,
        KeyMatch users,
        KeyMatch items,
        BackboneArchitecture architecture,
        Func<TensorShape, float[]> initialize)
    {
        DeviceCloudModelParameters parameters = previous.Parameters;
        Dictionary<string, float[]> tensors = [];
        foreach (TensorShape shape in architecture.Tensors)
        {
            TensorShape old = parameters.Architecture.Tensors.First(tensor => tensor.Name == shape.Name);
            bool isPerItem = shape.Name.StartsWith("item.", StringComparison.Ordinal);
            tensors.Add(shape.Name, isPerItem
                ? CopyRows(parameters[shape.Name].Span, initialize(shape), items, old.NumberOfElements / old.Dimensions[0])
                : parameters[shape.Name].ToArray());
        }

        DeviceCloudModelParameters grown = new(architecture, patch: null, encoder: null, tensors);
        return new DeviceCloudPredictionTransformer(grown, patches: null, Move(previous.History, users, items), previous.Columns);
    }

    /// <summary>Copies row 0, the padding, and each item's own.</summary>
    private static float[] CopyRows(ReadOnlySpan<float> old, float[] values, KeyMatch items, int size)
    {
        old[..size].CopyTo(values);
        for (int item = 1; item <= items.NumberOfOldKeys; item++)
        {
            old.Slice(item * size, size).CopyTo(values.AsSpan(items[item] * size));
        }

        return values;
    }

    private static BehaviorHistory Move(BehaviorHistory history, KeyMatch users, KeyMatch items)
    {
        int[] oldKeys = new int[users.Count + 1];
        for (int user = 1; user <= users.NumberOfOldKeys; user++)
        {
            oldKeys[users[user]] = user;
        }

        int[] offsets = new int[users.Count + 1];
        List<int> moved = [];
        float[] profiles = new float[checked(users.Count * history.ProfileDimension)];
        double[] cutoffs = new double[users.Count];
        Array.Fill(cutoffs, double.NegativeInfinity);
        for (int user = 1; user <= users.Count; user++)
        {
            if (oldKeys[user] is > 0 and int old)
            {
                foreach (int item in history.GetItems(old))
                {
                    moved.Add(items[item]);
                }

                history.GetProfile(old).CopyTo(profiles.AsSpan((user - 1) * history.ProfileDimension));
                cutoffs[user - 1] = history.Cutoffs[old - 1];
            }

            offsets[user] = moved.Count;
        }

        return new BehaviorHistory(offsets, [.. moved], history.ProfileDimension, profiles, cutoffs);
    }
}
