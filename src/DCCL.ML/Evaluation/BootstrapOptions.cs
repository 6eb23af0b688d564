namespace DCCL.ML.Evaluation;

/// <summary>How <see cref="Bootstrap"/> computes an interval.</summary>
/// <remarks>Immutable and thread-safe.</remarks>
public sealed class BootstrapOptions
{
    /// <summary>Gets the number of times the users are drawn anew.</summary>
    /// <value>The default is 1000. At least 100.</value>
    public int NumberOfResamples { get; init; } = 1000;

    /// <summary>Gets the share of the resampled figures that lie within the interval.</summary>
    /// <value>The default is 0.95. Greater than 0 and less than 1.</value>
    public double ConfidenceLevel { get; init; } = 0.95;

    /// <summary>Gets the seed of the draws.</summary>
    /// <value>The default is 1.</value>
    public int Seed { get; init; } = 1;

    /// <summary>Gets the quintile of activity to look at, 1 (least active) to 5.</summary>
    /// <value>The default is null: all users.</value>
    public int? Quintile { get; init; }

    /// <summary>Gets a value indicating whether a difference is given as a share of the baseline's figure.</summary>
    /// <value>The default is false: the difference itself. It says nothing for an interval of one report.</value>
    public bool Relative { get; init; }

    /// <summary>Checks the options.</summary>
    /// <exception cref="ArgumentException">At least one option is out of range; the message names them all.</exception>
    public void Validate()
    {
        List<string> faults = [];
        if (NumberOfResamples < 100)
        {
            faults.Add($"NumberOfResamples must be at least 100, but is {NumberOfResamples}.");
        }

        if (!(ConfidenceLevel > 0 && ConfidenceLevel < 1))
        {
            faults.Add(FormattableString.Invariant($"ConfidenceLevel must be greater than 0 and less than 1, but is {ConfidenceLevel}."));
        }

        if (Quintile is < 1 or > ActivityQuintiles.Count)
        {
            faults.Add($"Quintile must be null or from 1 to {ActivityQuintiles.Count}, but is {Quintile}.");
        }

        if (faults.Count > 0)
        {
            throw new ArgumentException("The bootstrap options are invalid. " + string.Join(" ", faults));
        }
    }
}
