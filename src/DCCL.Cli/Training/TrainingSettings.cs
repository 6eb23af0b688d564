namespace DCCL.Cli.Training;

/// <summary>How something is trained.</summary>
/// <param name="Backbone">The network: din or sasrec.</param>
/// <param name="Seed">The seed of all random numbers.</param>
/// <param name="NumberOfThreads">The number of threads; 0 for one per processor.</param>
/// <param name="IsQuick">Whether a few epochs are enough.</param>
internal sealed record TrainingSettings(string Backbone, int Seed, int NumberOfThreads, bool IsQuick)
{
    /// <summary>A Deep Interest Network.</summary>
    public const string Din = "din";

    /// <summary>A SASRec.</summary>
    public const string SasRec = "sasrec";

    /// <summary>Gets the name of the trainer of the cloud model.</summary>
    public string TrainerName => Backbone == SasRec ? nameof(DCCL.Trainers.SasRecTrainer) : nameof(DCCL.Trainers.DinTrainer);
}
