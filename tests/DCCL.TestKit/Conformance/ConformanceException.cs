namespace DCCL.TestKit.Conformance;

/// <summary>An estimator or a transformer does not keep what ML.NET's users rely on.</summary>
/// <param name="check">The check that it fails.</param>
/// <param name="fault">What was expected and what was found.</param>
public sealed class ConformanceException(string check, string fault) : Exception($"{check}: {fault}")
{
    /// <summary>Gets the name of the check.</summary>
    public string Check { get; } = check;
}
