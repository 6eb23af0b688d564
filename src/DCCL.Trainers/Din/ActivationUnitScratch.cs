using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace DCCL.Trainers.Din;

/// <summary>One thread's working memory for <see cref="ActivationUnitKernel"/>, and the arithmetic on it.</summary>
/// <remarks>Columns are padded to <see cref="MatrixTile.Width"/> with zeros, so that no loop needs a remainder.</remarks>
internal sealed unsafe class ActivationUnitScratch : IDisposable
{
    private readonly ActivationUnitKernel.Sizes _sizes;
    private readonly int _unit;
    private readonly int _dimension;
    private readonly float* _memory;

    private readonly float* _historyWeight;   // [dimension, unit]
    private readonly float* _productWeight;   // [dimension, unit]
    private readonly float* _slope;           // [unit]
    private readonly float* _outputWeight;    // [unit]
    private readonly float* _weight;          // [dimension, unit]: W of the current pair
    private readonly float* _weightTransposed; // [unit, dimension]
    private readonly float* _historyTransposed; // [unit, dimension]
    private readonly float* _productTransposed; // [unit, dimension]
    private readonly float* _target;           // [dimension]: of the current pair
    private readonly float* _pre;             // [length, unit]: pre-activations, then their gradients
    private readonly float* _weightGradient;  // [dimension, unit]: of the current pair
    private readonly float* _keyGradient;     // [length, dimension]: of the current history
    private readonly float* _historySum;      // [dimension, unit]: sums over this thread's pairs
    private readonly float* _productSum;      // [dimension, unit]
    private readonly float* _slopeSum;        // [unit]
    private readonly float* _outputSum;       // [unit]

    public ActivationUnitScratch(ActivationUnitKernel.Sizes sizes, ActivationUnitKernel.Inputs inputs)
    {
        _sizes = sizes;
        _unit = MatrixTile.Pad(sizes.Unit);
        _dimension = MatrixTile.Pad(sizes.Dimension);
        int matrix = sizes.Dimension * _unit;
        long total = (6L * matrix) + (3L * _unit * _dimension) + (4L * _unit) + _dimension + ((long)sizes.Length * (_unit + _dimension));
        _memory = (float*)NativeMemory.AlignedAlloc((nuint)(total * sizeof(float)), 64);
        NativeMemory.Clear(_memory, (nuint)(total * sizeof(float)));

        float* next = _memory;
        _historyWeight = Take(ref next, matrix);
        _productWeight = Take(ref next, matrix);
        _weight = Take(ref next, matrix);
        _weightGradient = Take(ref next, matrix);
        _historySum = Take(ref next, matrix);
        _productSum = Take(ref next, matrix);
        _weightTransposed = Take(ref next, _unit * _dimension);
        _historyTransposed = Take(ref next, _unit * _dimension);
        _productTransposed = Take(ref next, _unit * _dimension);
        _target = Take(ref next, _dimension);
        _slope = Take(ref next, _unit);
        _outputWeight = Take(ref next, _unit);
        _slopeSum = Take(ref next, _unit);
        _outputSum = Take(ref next, _unit);
        _pre = Take(ref next, sizes.Length * _unit);
        _keyGradient = Take(ref next, sizes.Length * _dimension);

        for (int row = 0; row < sizes.Dimension; row++)
        {
            new ReadOnlySpan<float>(inputs.HistoryWeight + (row * sizes.Unit), sizes.Unit).CopyTo(new(_historyWeight + (row * _unit), _unit));
            new ReadOnlySpan<float>(inputs.ProductWeight + (row * sizes.Unit), sizes.Unit).CopyTo(new(_productWeight + (row * _unit), _unit));
        }

        for (int row = 0; row < sizes.Dimension; row++)
        {
            for (int i = 0; i < sizes.Unit; i++)
            {
                _historyTransposed[(i * _dimension) + row] = inputs.HistoryWeight[(row * sizes.Unit) + i];
                _productTransposed[(i * _dimension) + row] = inputs.ProductWeight[(row * sizes.Unit) + i];
            }
        }

        new ReadOnlySpan<float>(inputs.Slope, sizes.Unit).CopyTo(new(_slope, _unit));
        new ReadOnlySpan<float>(inputs.OutputWeight, sizes.Unit).CopyTo(new(_outputWeight, _unit));
    }

    public void Dispose() => NativeMemory.AlignedFree(_memory);

    /// <summary>W = W_history + diag(target) W_product.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void FoldTarget(float* target)
    {
        for (int row = 0; row < _sizes.Dimension; row++)
        {
            Vector512<float> factor = Vector512.Create(target[row]);
            int end = (row + 1) * _unit;
            for (int i = row * _unit; i < end; i += MatrixTile.Width)
            {
                Vector512.FusedMultiplyAdd(factor, Vector512.Load(_productWeight + i), Vector512.Load(_historyWeight + i)).Store(_weight + i);
            }
        }
    }

    /// <summary>pre = keys W + query.</summary>
    public void PreActivate(float* keys, int length, float* query)
    {
        for (int row = 0; row < length; row++)
        {
            // The padding columns stay zero: they are never written with anything else.
            new ReadOnlySpan<float>(query, _sizes.Unit).CopyTo(new(_pre + (row * _unit), _sizes.Unit));
        }

        for (int row = 0; row < length && _unit > _sizes.Unit; row++)
        {
            new Span<float>(_pre + (row * _unit) + _sizes.Unit, _unit - _sizes.Unit).Clear();
        }

        MatrixTile.Multiply(keys, _sizes.Dimension, 1, _weight, _unit, _pre, _unit, length, _unit, _sizes.Dimension, accumulate: true);
    }

    /// <summary>scores[l] = w_out . prelu(pre[l]).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Score(int length, float* scores)
    {
        for (int row = 0; row < length; row++)
        {
            float* pre = _pre + (row * _unit);
            Vector512<float> sum = Vector512<float>.Zero;
            for (int i = 0; i < _unit; i += MatrixTile.Width)
            {
                Vector512<float> x = Vector512.Load(pre + i);
                Vector512<float> activated = Vector512.ConditionalSelect(
                    Vector512.GreaterThan(x, Vector512<float>.Zero), x, x * Vector512.Load(_slope + i));
                sum = Vector512.FusedMultiplyAdd(activated, Vector512.Load(_outputWeight + i), sum);
            }

            scores[row] = Vector512.Sum(sum);
        }
    }

    public void ClearKeyGradient(int length) => new Span<float>(_keyGradient, length * _dimension).Clear();

    /// <summary>Adds the pair's share to all gradients; <see cref="PreActivate"/> must have run for the same pair.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Differentiate(float* keys, float* target, int length, float* scoreGradient, float* targetGradient, float* queryGradient)
    {
        DifferentiateActivation(length, scoreGradient, queryGradient);
        if (length == 0)
        {
            new Span<float>(targetGradient, _sizes.Dimension).Clear();
            return;
        }

        // dW = keys^T dpre; dkeys += dpre W^T
        MatrixTile.Multiply(keys, 1, _sizes.Dimension, _pre, _unit, _weightGradient, _unit, _sizes.Dimension, _unit, length, accumulate: false);
        FoldTargetTransposed(target);
        MatrixTile.Multiply(_pre, _unit, 1, _weightTransposed, _dimension, _keyGradient, _dimension, length, _dimension, _unit, accumulate: true);

        // dW_history += dW; dW_product += diag(target) dW; dtarget = rows of dW . W_product
        for (int row = 0; row < _sizes.Dimension; row++)
        {
            Vector512<float> factor = Vector512.Create(target[row]);
            Vector512<float> sum = Vector512<float>.Zero;
            int end = (row + 1) * _unit;
            for (int i = row * _unit; i < end; i += MatrixTile.Width)
            {
                Vector512<float> gradient = Vector512.Load(_weightGradient + i);
                (Vector512.Load(_historySum + i) + gradient).Store(_historySum + i);
                Vector512.FusedMultiplyAdd(factor, gradient, Vector512.Load(_productSum + i)).Store(_productSum + i);
                sum = Vector512.FusedMultiplyAdd(gradient, Vector512.Load(_productWeight + i), sum);
            }

            targetGradient[row] = Vector512.Sum(sum);
        }
    }

    public void StoreKeyGradient(int length, float* keyGradient)
    {
        for (int row = 0; row < length; row++)
        {
            new ReadOnlySpan<float>(_keyGradient + (row * _dimension), _sizes.Dimension).CopyTo(new(keyGradient + (row * _sizes.Dimension), _sizes.Dimension));
        }

        new Span<float>(keyGradient + (length * _sizes.Dimension), (_sizes.Length - length) * _sizes.Dimension).Clear();
    }

    public void AddWeightGradients(ActivationUnitKernel.Gradients gradients)
    {
        for (int row = 0; row < _sizes.Dimension; row++)
        {
            Add(_historySum + (row * _unit), gradients.HistoryWeight + (row * _sizes.Unit));
            Add(_productSum + (row * _unit), gradients.ProductWeight + (row * _sizes.Unit));
        }

        Add(_slopeSum, gradients.Slope);
        Add(_outputSum, gradients.OutputWeight);

        void Add(float* source, float* destination)
        {
            for (int i = 0; i < _sizes.Unit; i++)
            {
                destination[i] += source[i];
            }
        }
    }

    // The transpose of W, folded anew: cheaper than moving W's elements one by one.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void FoldTargetTransposed(float* target)
    {
        new ReadOnlySpan<float>(target, _sizes.Dimension).CopyTo(new(_target, _dimension));
        for (int row = 0; row < _unit; row++)
        {
            float* history = _historyTransposed + (row * _dimension);
            float* product = _productTransposed + (row * _dimension);
            float* weight = _weightTransposed + (row * _dimension);
            for (int i = 0; i < _dimension; i += MatrixTile.Width)
            {
                Vector512.FusedMultiplyAdd(Vector512.Load(_target + i), Vector512.Load(product + i), Vector512.Load(history + i)).Store(weight + i);
            }
        }
    }

    // Replaces pre by its gradient ds w_out prelu'(pre), and sums the gradients of query, slope and w_out.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void DifferentiateActivation(int length, float* scoreGradient, float* queryGradient)
    {
        for (int i = 0; i < _unit; i += MatrixTile.Width)
        {
            Vector512<float> slope = Vector512.Load(_slope + i);
            Vector512<float> weight = Vector512.Load(_outputWeight + i);
            Vector512<float> query = Vector512<float>.Zero;
            Vector512<float> output = Vector512<float>.Zero;
            Vector512<float> slopes = Vector512<float>.Zero;
            for (int row = 0; row < length; row++)
            {
                float* pre = _pre + (row * _unit) + i;
                Vector512<float> x = Vector512.Load(pre);
                Vector512<float> score = Vector512.Create(scoreGradient[row]);
                Vector512<float> positive = Vector512.GreaterThan(x, Vector512<float>.Zero);
                output = Vector512.FusedMultiplyAdd(score, Vector512.ConditionalSelect(positive, x, x * slope), output);
                slopes = Vector512.FusedMultiplyAdd(score, Vector512.ConditionalSelect(positive, Vector512<float>.Zero, x), slopes);
                Vector512<float> gradient = score * Vector512.ConditionalSelect(positive, weight, weight * slope);
                query += gradient;
                gradient.Store(pre);
            }

            (Vector512.Load(_outputSum + i) + output).Store(_outputSum + i);
            Vector512.FusedMultiplyAdd(slopes, weight, Vector512.Load(_slopeSum + i)).Store(_slopeSum + i);
            for (int lane = 0; lane < MatrixTile.Width && i + lane < _sizes.Unit; lane++)
            {
                queryGradient[i + lane] = query[lane];
            }
        }
    }

    private static float* Take(ref float* next, int count)
    {
        float* result = next;
        next += count;
        return result;
    }
}
