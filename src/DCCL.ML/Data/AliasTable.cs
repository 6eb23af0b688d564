namespace DCCL.ML.Data;

/// <summary>Draws an index in proportion to its weight, in constant time (Walker and Vose).</summary>
internal sealed class AliasTable
{
    private readonly double[] _probabilities;
    private readonly int[] _aliases;

    public AliasTable(ReadOnlySpan<double> weights)
    {
        int count = weights.Length;
        double sum = 0;
        foreach (double weight in weights)
        {
            sum += weight;
        }

        _probabilities = new double[count];
        _aliases = new int[count];
        Stack<int> small = new();
        Stack<int> large = new();
        for (int i = 0; i < count; i++)
        {
            _probabilities[i] = weights[i] * count / sum;
            _aliases[i] = i;
            (_probabilities[i] < 1 ? small : large).Push(i);
        }

        while (small.Count > 0 && large.Count > 0)
        {
            int less = small.Pop();
            int more = large.Pop();
            _aliases[less] = more;
            _probabilities[more] -= 1 - _probabilities[less];
            (_probabilities[more] < 1 ? small : large).Push(more);
        }

        // What is left has probability 1 but for rounding.
        foreach (int rest in small.Concat(large))
        {
            _probabilities[rest] = 1;
        }
    }

    public int Next(SeededRandom random)
    {
        int index = random.Next(_probabilities.Length);
        return random.NextDouble() < _probabilities[index] ? index : _aliases[index];
    }
}
