using System.Globalization;

namespace DCCL.ML.Evaluation;

/// <summary>A figure with the interval in which it would fall for other users of the same kind.</summary>
/// <param name="Estimate">The figure on the users at hand.</param>
/// <param name="Lower">The lower end of the interval.</param>
/// <param name="Upper">The upper end of the interval.</param>
public readonly record struct ConfidenceInterval(double Estimate, double Lower, double Upper)
{
    /// <summary>Gets a value indicating whether the interval lies wholly above or below zero.</summary>
    public bool ExcludesZero => Lower > 0 || Upper < 0;

    /// <summary>Writes the figure and its interval, as in <c>0.0123 [0.0101, 0.0147]</c>.</summary>
    /// <returns>The text, the same in every culture.</returns>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Estimate:0.0000} [{Lower:0.0000}, {Upper:0.0000}]");
}
