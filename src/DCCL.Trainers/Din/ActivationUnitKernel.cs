namespace DCCL.Trainers.Din;

/// <summary>
/// The local activation unit with PReLU, forward and backward, one pair of history and candidate at a time in the
/// first-level cache.
/// </summary>
/// <remarks>
/// <para>
/// Scores <c>s[b, c, l] = w_out . prelu(k[b, l] W[b, c] + q[b, c])</c> with <c>W[b, c] = W_history + diag(t[b, c]) W_product</c>.
/// A tensor library has to write and read back every one of the batch x candidates x history x unit pre-activations several
/// times; here they never leave the cache, the backward pass computes them again, and padding costs nothing.
/// </para>
/// <para>Runs on the calling thread; a batch is divided among threads one level up, in CloudTraining.</para>
/// </remarks>
internal static unsafe class ActivationUnitKernel
{
    /// <summary>The sizes of a batch.</summary>
    /// <param name="Groups">Histories.</param>
    /// <param name="Candidates">Candidates of each history.</param>
    /// <param name="Length">Positions of each history.</param>
    /// <param name="Dimension">Length of an embedding.</param>
    /// <param name="Unit">Width of the hidden layer.</param>
    public readonly record struct Sizes(int Groups, int Candidates, int Length, int Dimension, int Unit);

    /// <summary>The inputs, all row-major.</summary>
    public readonly struct Inputs
    {
        /// <summary>k [groups, length, dimension].</summary>
        public required float* Keys { get; init; }

        /// <summary>t [groups, candidates, dimension].</summary>
        public required float* Targets { get; init; }

        /// <summary>q [groups, candidates, unit].</summary>
        public required float* Queries { get; init; }

        /// <summary>[dimension, unit].</summary>
        public required float* HistoryWeight { get; init; }

        /// <summary>[dimension, unit].</summary>
        public required float* ProductWeight { get; init; }

        /// <summary>[unit].</summary>
        public required float* Slope { get; init; }

        /// <summary>[unit].</summary>
        public required float* OutputWeight { get; init; }

        /// <summary>The number of leading positions of each history that are looked at [groups].</summary>
        public required int* Lengths { get; init; }
    }

    /// <summary>The gradients, laid out as the inputs; those of the weights must be zero on entry.</summary>
    public readonly struct Gradients
    {
        /// <summary>[groups, length, dimension].</summary>
        public required float* Keys { get; init; }

        /// <summary>[groups, candidates, dimension].</summary>
        public required float* Targets { get; init; }

        /// <summary>[groups, candidates, unit].</summary>
        public required float* Queries { get; init; }

        /// <summary>[dimension, unit].</summary>
        public required float* HistoryWeight { get; init; }

        /// <summary>[dimension, unit].</summary>
        public required float* ProductWeight { get; init; }

        /// <summary>[unit].</summary>
        public required float* Slope { get; init; }

        /// <summary>[unit].</summary>
        public required float* OutputWeight { get; init; }
    }

    /// <summary>Computes the scores [groups, candidates, length]; those of positions beyond a history's length are 0.</summary>
    public static void Forward(Sizes sizes, Inputs inputs, float* scores)
    {
        using ActivationUnitScratch scratch = new(sizes, inputs);
        for (int group = 0; group < sizes.Groups; group++)
        {
            int length = inputs.Lengths[group];
            float* keys = inputs.Keys + ((long)group * sizes.Length * sizes.Dimension);
            for (int candidate = 0; candidate < sizes.Candidates; candidate++)
            {
                long pair = ((long)group * sizes.Candidates) + candidate;
                float* row = scores + (pair * sizes.Length);
                new Span<float>(row + length, sizes.Length - length).Clear();
                scratch.FoldTarget(inputs.Targets + (pair * sizes.Dimension));
                scratch.PreActivate(keys, length, inputs.Queries + (pair * sizes.Unit));
                scratch.Score(length, row);
            }
        }
    }

    /// <summary>Computes the gradients of all inputs from those of the scores.</summary>
    public static void Backward(Sizes sizes, Inputs inputs, float* scoreGradients, Gradients gradients)
    {
        using ActivationUnitScratch scratch = new(sizes, inputs);
        for (int group = 0; group < sizes.Groups; group++)
        {
            int length = inputs.Lengths[group];
            long offset = (long)group * sizes.Length * sizes.Dimension;
            scratch.ClearKeyGradient(length);
            for (int candidate = 0; candidate < sizes.Candidates; candidate++)
            {
                long pair = ((long)group * sizes.Candidates) + candidate;
                float* target = inputs.Targets + (pair * sizes.Dimension);
                scratch.FoldTarget(target);
                scratch.PreActivate(inputs.Keys + offset, length, inputs.Queries + (pair * sizes.Unit));
                scratch.Differentiate(
                    inputs.Keys + offset, target, length, scoreGradients + (pair * sizes.Length),
                    gradients.Targets + (pair * sizes.Dimension), gradients.Queries + (pair * sizes.Unit));
            }

            scratch.StoreKeyGradient(length, gradients.Keys + offset);
        }

        scratch.AddWeightGradients(gradients);
    }
}
