namespace DCCL.ML.Data;

/// <summary>Sorts the events of one user by time; ties keep their order. Owns its scratch memory; not thread-safe.</summary>
internal sealed class StableTimeSort
{
    private int[] _order = [];
    private int[] _items = [];
    private bool[] _labels = [];

    public void Sort(Span<double> timestamps, Span<int> items, Span<bool> labels)
    {
        if (IsSorted(timestamps))
        {
            return;
        }

        int length = timestamps.Length;
        if (_order.Length < length)
        {
            int capacity = (int)Math.Min(Array.MaxLength, Math.Max(length, 2L * _order.Length));
            _order = new int[capacity];
            _items = new int[capacity];
            _labels = new bool[labels.IsEmpty ? 0 : capacity];
        }

        Span<int> order = _order.AsSpan(0, length);
        for (int i = 0; i < length; i++)
        {
            order[i] = i;
        }

        // The library's sort is not stable, so ties are put back into their order afterwards.
        timestamps.Sort(order);
        for (int start = 0; start < length;)
        {
            int end = start + 1;
            while (end < length && timestamps[end] == timestamps[start])
            {
                end++;
            }

            order[start..end].Sort();
            start = end;
        }

        Permute(items, order, _items);
        if (!labels.IsEmpty)
        {
            Permute(labels, order, _labels);
        }
    }

    private static bool IsSorted(ReadOnlySpan<double> timestamps)
    {
        for (int i = 1; i < timestamps.Length; i++)
        {
            if (timestamps[i] < timestamps[i - 1])
            {
                return false;
            }
        }

        return true;
    }

    private static void Permute<T>(Span<T> values, ReadOnlySpan<int> order, Span<T> scratch)
    {
        for (int i = 0; i < order.Length; i++)
        {
            scratch[i] = values[order[i]];
        }

        scratch[..order.Length].CopyTo(values);
    }
}
