namespace DCCL.ML.Data;

/// <summary>A list that grows by whole chunks, so that growing never copies and never doubles the peak.</summary>
internal sealed class ChunkedList<T>
{
    private const int ChunkBits = 16;
    private const int ChunkSize = 1 << ChunkBits;

    private readonly List<T[]> _chunks = [];

    public int Count { get; private set; }

    public T this[int index] => _chunks[index >> ChunkBits][index & (ChunkSize - 1)];

    public void Add(T value)
    {
        int offset = Count & (ChunkSize - 1);
        if (offset == 0)
        {
            _chunks.Add(GC.AllocateUninitializedArray<T>(ChunkSize));
        }

        _chunks[^1][offset] = value;
        Count = checked(Count + 1);
    }
}
