using CsCheck;

namespace DCCL.ML.Tests.Data;

/// <summary>The same random cases in every run: CsCheck's Sample takes its seed for the first case only.</summary>
internal static class SeededCases
{
    public static IEnumerable<T> Take<T>(Gen<T> gen, int count)
    {
        PCG random = new(1, 42);
        for (int i = 0; i < count; i++)
        {
            yield return gen.Generate(random, null, out _);
        }
    }
}
