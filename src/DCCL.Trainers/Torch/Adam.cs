using System.Numerics;
using System.Runtime.InteropServices;
using DCCL.Trainers.Checkpoints;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DCCL.Trainers.Torch;

/// <summary>Adam with decoupled weight decay, in one pass over each tensor.</summary>
/// <remarks>
/// <para>
/// A model's tensors are so small that TorchSharp's optimisers, some ten calls a tensor, took as long as the rest of a step; and
/// their arithmetic with numbers has the fault that <see cref="TensorArithmetic"/> avoids.
/// </para>
/// <para>
/// Source: Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1; Loshchilov and Hutter, "Decoupled
/// weight decay regularization", ICLR 2019, algorithm 2. Not thread-safe.
/// </para>
/// </remarks>
internal sealed class Adam
{
    private const double FirstDecay = 0.9;
    private const double SecondDecay = 0.999;
    private const float Epsilon = 1e-8f;
    private readonly (Parameter Values, float[] First, float[] Second)[] _tensors;
    private readonly double _learningRate;
    private readonly double _weightDecay;
    private int _step;

    /// <summary>Prepares steps.</summary>
    /// <param name="parameters">What to change: float32, contiguous, in main memory.</param>
    /// <param name="learningRate">The step size.</param>
    /// <param name="weightDecay">The share of the step size by which weights shrink in each step.</param>
    public Adam(IEnumerable<Parameter> parameters, double learningRate, double weightDecay = 0)
    {
        _tensors = [.. parameters.Select(values => (values, new float[values.numel()], new float[values.numel()]))];
        _learningRate = learningRate;
        _weightDecay = weightDecay;
    }

    /// <summary>Sets all gradients to zero.</summary>
    public void ClearGradients()
    {
        foreach ((Parameter values, _, _) in _tensors)
        {
            using Tensor? gradient = values.grad;
            gradient?.zero_();
        }
    }

    /// <summary>Changes every tensor that has a gradient.</summary>
    /// <param name="scale">What the gradients are multiplied by.</param>
    public void Step(double scale = 1)
    {
        _step++;
        foreach ((Parameter values, float[] first, float[] second) in _tensors)
        {
            using Tensor? gradient = values.grad;
            if (gradient is not null)
            {
                using Tensor contiguous = gradient.contiguous();
                Span<float> weights = MemoryMarshal.Cast<byte, float>(values.bytes);
                ReadOnlySpan<float> slopes = MemoryMarshal.Cast<byte, float>(contiguous.bytes);
                Update(weights, slopes, first, second, _step, _learningRate, _weightDecay, scale);
                GC.KeepAlive(contiguous);
            }
        }
    }

    /// <summary>Names what the next step depends on, besides the values.</summary>
    public void Transfer(CheckpointState state)
    {
        _step = state.Transfer(_step);
        foreach ((Parameter values, float[] first, float[] second) in _tensors)
        {
            state.Transfer(first.AsSpan());
            state.Transfer(second.AsSpan());

            // What has had a gradient once moves on by its momentum where a batch gives it none.
            using Tensor? gradient = values.grad;
            if (state.Transfer((byte)(gradient is null ? 0 : 1)) != 0 && gradient is null)
            {
                using Tensor none = torch.zeros_like(values);
                values.grad = none;
            }
        }
    }

    /// <summary>One step on plain values.</summary>
    /// <param name="values">What to change.</param>
    /// <param name="gradient">The loss's derivative.</param>
    /// <param name="first">The running mean of the gradient.</param>
    /// <param name="second">The running mean of its square.</param>
    /// <param name="step">The number of this step, from 1.</param>
    /// <param name="learningRate">The step size.</param>
    /// <param name="weightDecay">The share of the step size by which values shrink.</param>
    /// <param name="scale">What the gradient is multiplied by.</param>
    public static void Update(
        Span<float> values, ReadOnlySpan<float> gradient, Span<float> first, Span<float> second, int step, double learningRate,
        double weightDecay = 0, double scale = 1)
    {
        float rate = (float)(learningRate / (1 - Math.Pow(FirstDecay, step)));
        float spread = (float)(1 / Math.Sqrt(1 - Math.Pow(SecondDecay, step)));
        float keep = (float)(1 - (learningRate * weightDecay));
        int width = Vector<float>.Count;
        int i = 0;
        for (; i <= values.Length - width; i += width)
        {
            Vector<float> g = new Vector<float>(gradient[i..]) * (float)scale;
            Vector<float> m = new Vector<float>(first[i..]) * (float)FirstDecay + (g * (float)(1 - FirstDecay));
            Vector<float> v = new Vector<float>(second[i..]) * (float)SecondDecay + (g * g * (float)(1 - SecondDecay));
            m.CopyTo(first[i..]);
            v.CopyTo(second[i..]);
            Vector<float> next = (new Vector<float>(values[i..]) * keep) - (m * rate / ((Vector.SquareRoot(v) * spread) + new Vector<float>(Epsilon)));
            next.CopyTo(values[i..]);
        }

        for (; i < values.Length; i++)
        {
            float g = gradient[i] * (float)scale;
            first[i] = (first[i] * (float)FirstDecay) + (g * (float)(1 - FirstDecay));
            second[i] = (second[i] * (float)SecondDecay) + (g * g * (float)(1 - SecondDecay));
            values[i] = (values[i] * keep) - (first[i] * rate / ((MathF.Sqrt(second[i]) * spread) + Epsilon));
        }
    }
}
