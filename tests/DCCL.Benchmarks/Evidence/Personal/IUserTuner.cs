using DCCL.ML.Model;

namespace DCCL.Benchmarks.Evidence.Personal;

/// <summary>Makes a model of a user's own: full fine-tuning, the last layer alone, or any other way.</summary>
internal interface IUserTuner : IDisposable
{
    /// <summary>Tunes a model with a user's device events.</summary>
    /// <param name="user">The user's key value.</param>
    /// <param name="strength">How strongly: a learning rate, or one over a penalty; chosen on validation.</param>
    /// <param name="withoutLast">How many of the user's last device events to leave out, for validation.</param>
    /// <returns>The user's model, of the same architecture; null if there is nothing to learn.</returns>
    DeviceCloudModelParameters? Tune(int user, double strength, int withoutLast = 0);

    /// <summary>Gets the strengths to choose from.</summary>
    IReadOnlyList<double> Strengths { get; }
}
