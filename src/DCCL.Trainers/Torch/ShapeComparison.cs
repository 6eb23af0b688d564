namespace DCCL.Trainers.Torch;

/// <summary>Collects in what a network differs from that of a previous model.</summary>
internal sealed class ShapeComparison
{
    private readonly List<string> _faults = [];

    /// <summary>Gets the differences, each a sentence.</summary>
    public IReadOnlyList<string> Faults => _faults;

    public ShapeComparison Add<T>(string name, T expected, T actual)
    {
        if (!Equals(expected, actual))
        {
            _faults.Add($"{name} must be {expected}, but is {actual}.");
        }

        return this;
    }
}
