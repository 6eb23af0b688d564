namespace DCCL.Cli.Diagnosis;

/// <summary>How bad a finding is.</summary>
internal enum Severity
{
    /// <summary>As it should be.</summary>
    Fine,

    /// <summary>Worth knowing; something may not work, or be slow.</summary>
    Warning,

    /// <summary>Something does not work.</summary>
    Fault,
}

/// <summary>What was found of one thing that is needed.</summary>
/// <param name="Name">What was looked at.</param>
/// <param name="Severity">How bad it is.</param>
/// <param name="Found">What was found.</param>
/// <param name="Fix">What to do; null if there is nothing to do.</param>
internal sealed record Finding(string Name, Severity Severity, string Found, string? Fix = null);
