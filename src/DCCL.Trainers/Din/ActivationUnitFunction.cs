using DCCL.Trainers.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace DCCL.Trainers.Din;

/// <summary><see cref="ActivationUnitKernel"/> as a differentiable torch function.</summary>
internal sealed unsafe class ActivationUnitFunction : autograd.SingleTensorFunction<ActivationUnitFunction>
{
    public override string Name => nameof(ActivationUnitFunction);

    /// <summary>Scores every history item for every candidate.</summary>
    /// <param name="keys">k [groups, length, dimension].</param>
    /// <param name="targets">t [groups, candidates, dimension].</param>
    /// <param name="queries">t W_target + b [groups, candidates, unit].</param>
    /// <param name="historyWeight">[dimension, unit].</param>
    /// <param name="productWeight">[dimension, unit].</param>
    /// <param name="slope">PReLU's slope [unit].</param>
    /// <param name="outputWeight">[unit].</param>
    /// <param name="lengths">The number of leading positions of each history to look at.</param>
    /// <returns>[groups, candidates, length].</returns>
    public static Tensor Score(
        Tensor keys, Tensor targets, Tensor queries, Tensor historyWeight, Tensor productWeight, Tensor slope,
        Tensor outputWeight, int[] lengths)
    {
        List<Tensor> tensors = [keys.contiguous(), targets.contiguous(), queries.contiguous(), historyWeight, productWeight, slope, outputWeight];
        return torch.is_grad_enabled() && tensors.Exists(tensor => tensor.requires_grad)
            ? apply([.. tensors, lengths])
            : Score(tensors, lengths);
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        List<Tensor> tensors = [.. vars.OfType<Tensor>()];
        int[] lengths = (int[])vars[^1];
        ctx.save_for_backward(tensors);
        ctx.save_data("lengths", lengths);

        return Score(tensors, lengths);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        List<Tensor> tensors = ctx.get_saved_variables();
        int[] lengths = (int[])ctx.get_data("lengths");
        using Tensor scoreGradient = grad_output.contiguous();
        List<Tensor> gradients = [.. tensors.Select((tensor, i) => i < 3 ? torch.empty_like(tensor) : torch.zeros_like(tensor))];
        fixed (int* lengthPointer = lengths)
        {
            ActivationUnitKernel.Backward(
                Measure(tensors),
                Inputs(tensors, lengthPointer),
                scoreGradient.Pointer(),
                new ActivationUnitKernel.Gradients
                {
                    Keys = gradients[0].Pointer(),
                    Targets = gradients[1].Pointer(),
                    Queries = gradients[2].Pointer(),
                    HistoryWeight = gradients[3].Pointer(),
                    ProductWeight = gradients[4].Pointer(),
                    Slope = gradients[5].Pointer(),
                    OutputWeight = gradients[6].Pointer(),
                });
        }

        GC.KeepAlive(gradients);
        foreach (Tensor tensor in tensors)
        {
            tensor.Dispose();
        }

        return [.. gradients, null!];
    }

    private static Tensor Score(List<Tensor> tensors, int[] lengths)
    {
        ActivationUnitKernel.Sizes sizes = Measure(tensors);
        Tensor scores = torch.empty(sizes.Groups, sizes.Candidates, sizes.Length);
        fixed (int* lengthPointer = lengths)
        {
            ActivationUnitKernel.Forward(sizes, Inputs(tensors, lengthPointer), scores.Pointer());
        }

        // The kernel saw only addresses: what they belong to has to live until here.
        GC.KeepAlive(tensors);
        return scores;
    }

    private static ActivationUnitKernel.Sizes Measure(List<Tensor> tensors) => new(
        (int)tensors[0].shape[0], (int)tensors[1].shape[1], (int)tensors[0].shape[1], (int)tensors[0].shape[2], (int)tensors[3].shape[1]);

    private static ActivationUnitKernel.Inputs Inputs(List<Tensor> tensors, int* lengths) => new()
    {
        Keys = tensors[0].Pointer(),
        Targets = tensors[1].Pointer(),
        Queries = tensors[2].Pointer(),
        HistoryWeight = tensors[3].Pointer(),
        ProductWeight = tensors[4].Pointer(),
        Slope = tensors[5].Pointer(),
        OutputWeight = tensors[6].Pointer(),
        Lengths = lengths,
    };
}
