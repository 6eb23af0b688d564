namespace DCCL.ML.Device;

/// <summary>How a <see cref="DevicePersonalizer"/> learns. The defaults are those of the trainer in the cloud, MetaPatchTrainer, but for the gate, which has one person's events alone.</summary>
/// <remarks>Immutable and thread-safe.</remarks>
public sealed class DevicePersonalizerOptions
{
    /// <summary>Gets the number of Adam's steps, each over all samples: the epochs.</summary>
    /// <value>The default is 20. At least 1.</value>
    public int NumberOfSteps { get; init; } = 20;

    /// <summary>Gets Adam's first step size, which falls to zero along a cosine.</summary>
    /// <value>The default is 0.1. Above 0.</value>
    public double LearningRate { get; init; } = 0.1;

    /// <summary>Gets the weight of <c>|theta - start|^2 / 2</c> against the sum of the cross-entropy, the intercept aside.</summary>
    /// <value>The default is 60. Above 0. What the patches of the same model were learnt with in the cloud fits best.</value>
    public double L2 { get; init; } = 60;

    /// <summary>Gets the weight of the intercept's <c>(theta_0 - start_0)^2 / 2</c>.</summary>
    /// <value>The default is 2. Above 0.</value>
    public double InterceptL2 { get; init; } = 2;

    /// <summary>Gets the weight of an event's sampled negatives together.</summary>
    /// <value>The default is 4. At least 1. Not used with a model of labelled events.</value>
    public int NumberOfNegatives { get; init; } = 4;

    /// <summary>Gets the number of negatives that are drawn for each event, once, from the items of the vocabulary that the owner has not had.</summary>
    /// <value>The default is 8. At least 1. Not used with a model of labelled events.</value>
    public int NegativePoolSize { get; init; } = 8;

    /// <summary>Gets the share of the events that is held back at a time, block by block, to judge the patch that the others teach.</summary>
    /// <value>The default is 0.2. Above 0 and less than 1.</value>
    public double GateFraction { get; init; } = 0.2;

    /// <summary>Gets how many standard errors above zero the gain on the held-back events must be for a patch to be kept.</summary>
    /// <value>The default is 0.5. At least 0.</value>
    public double GateStandardErrors { get; init; } = 0.5;

    /// <summary>Gets the number of items, drawn from those that the owner has not had, that a held-back event is ranked among.</summary>
    /// <value>The default is 100. At least 1. Not used with a model of labelled events.</value>
    public int NumberOfRankedItems { get; init; } = 100;

    /// <summary>Gets the number of new events from which on it is worth learning.</summary>
    /// <value>The default is 10. At least 2.</value>
    public int MinimumNumberOfEvents { get; init; } = 10;

    /// <summary>Gets the number of events that the store keeps.</summary>
    /// <value>The default is 2,000. At least 1.</value>
    public int MaximumNumberOfEvents { get; init; } = 2_000;

    /// <summary>Gets the seed of the negatives.</summary>
    /// <value>The default is 1.</value>
    public int Seed { get; init; } = 1;

    /// <summary>Gets the owner's profile.</summary>
    /// <value>The default is empty, for a model without a profile input.</value>
    public IReadOnlyList<float> Profile { get; init; } = [];

    internal void Validate()
    {
        string[] faults =
        [
            .. Below(nameof(NumberOfSteps), NumberOfSteps, 1),
            .. NotAbove(nameof(LearningRate), LearningRate),
            .. NotAbove(nameof(L2), L2),
            .. NotAbove(nameof(InterceptL2), InterceptL2),
            .. Below(nameof(NumberOfNegatives), NumberOfNegatives, 1),
            .. Below(nameof(NegativePoolSize), NegativePoolSize, 1),
            .. GateFraction is > 0 and < 1 ? [] : Fault(FormattableString.Invariant($"{nameof(GateFraction)} must be above 0 and less than 1, but is {GateFraction}.")),
            .. GateStandardErrors >= 0 && double.IsFinite(GateStandardErrors)
                ? [] : Fault(FormattableString.Invariant($"{nameof(GateStandardErrors)} must be at least 0, but is {GateStandardErrors}.")),
            .. Below(nameof(NumberOfRankedItems), NumberOfRankedItems, 1),
            .. Below(nameof(MinimumNumberOfEvents), MinimumNumberOfEvents, 2),
            .. Below(nameof(MaximumNumberOfEvents), MaximumNumberOfEvents, 1),
            .. Profile is not null && Profile.All(float.IsFinite) ? [] : Fault($"{nameof(Profile)} must hold finite numbers."),
        ];
        if (faults.Length > 0)
        {
            throw new ArgumentException($"{nameof(DevicePersonalizerOptions)}: {string.Join(' ', faults)}");
        }
    }

    private static string[] Below(string name, int value, int minimum) => value >= minimum ? [] : [$"{name} must be at least {minimum}, but is {value}."];

    private static string[] NotAbove(string name, double value) =>
        value > 0 && double.IsFinite(value) ? [] : [FormattableString.Invariant($"{name} must be above 0, but is {value}.")];

    private static string[] Fault(string text) => [text];
}
