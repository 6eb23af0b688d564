namespace DCCL.Trainers;

/// <summary>Collects all faults of an options object, so that one exception names them all.</summary>
internal sealed class OptionsCheck(string name)
{
    private readonly List<string> _faults = [];

    public OptionsCheck AtLeast(string option, int value, int minimum) =>
        That(value >= minimum, $"{option} must be at least {minimum}, but is {value}.");

    public OptionsCheck That(bool condition, FormattableString fault)
    {
        if (!condition)
        {
            _faults.Add(FormattableString.Invariant(fault));
        }

        return this;
    }

    public void ThrowIfAny()
    {
        if (_faults.Count > 0)
        {
            throw new ArgumentException($"{name}: {string.Join(" ", _faults)}");
        }
    }
}
