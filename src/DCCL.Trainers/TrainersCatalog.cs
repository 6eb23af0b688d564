using DCCL.ML;
using DCCL.ML.Data;
using Microsoft.ML;

namespace DCCL.Trainers;

/// <summary>Adds the trainers of this package to <c>mlContext.DeviceCloud().Trainers</c>.</summary>
public static class TrainersCatalog
{
    /// <summary>Creates a trainer of a Deep Interest Network, the cloud model.</summary>
    /// <param name="trainers">The catalog.</param>
    /// <param name="userColumnName">The user, a key.</param>
    /// <param name="itemColumnName">The item, a key.</param>
    /// <param name="timestampColumnName">The time of the event; null if the order of the rows counts.</param>
    /// <param name="labelColumnName">Whether the event is positive; null if all are, and negatives are to be sampled.</param>
    /// <param name="profileColumnName">What is known of the user; null for nothing.</param>
    /// <returns>The trainer.</returns>
    public static DinTrainer Din(
        this DeviceCloudTrainers trainers,
        string userColumnName,
        string itemColumnName,
        string? timestampColumnName = null,
        string? labelColumnName = null,
        string? profileColumnName = null) =>
        Din(trainers, new DinTrainer.Options
        {
            Columns = new InteractionColumns(userColumnName, itemColumnName, timestampColumnName, labelColumnName, profileColumnName),
        });

    /// <summary>Creates a trainer of a Deep Interest Network, the cloud model.</summary>
    /// <param name="trainers">The catalog.</param>
    /// <param name="options">The options.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentException">Options are out of range; the message names all of them.</exception>
    public static DinTrainer Din(this DeviceCloudTrainers trainers, DinTrainer.Options options)
    {
        ArgumentNullException.ThrowIfNull(trainers);
        ArgumentNullException.ThrowIfNull(options);
        return new DinTrainer(trainers.Environment, options);
    }

    /// <summary>Creates a trainer of a SASRec, the cloud model that is meant for sparse logs and large catalogues.</summary>
    /// <param name="trainers">The catalog.</param>
    /// <param name="userColumnName">The user, a key.</param>
    /// <param name="itemColumnName">The item, a key.</param>
    /// <param name="timestampColumnName">The time of the event; null if the order of the rows counts.</param>
    /// <param name="labelColumnName">Whether the event is positive; null if all are.</param>
    /// <param name="profileColumnName">What is known of the user; null for nothing.</param>
    /// <returns>The trainer.</returns>
    public static SasRecTrainer SasRec(
        this DeviceCloudTrainers trainers,
        string userColumnName,
        string itemColumnName,
        string? timestampColumnName = null,
        string? labelColumnName = null,
        string? profileColumnName = null) =>
        SasRec(trainers, new SasRecTrainer.Options
        {
            Columns = new InteractionColumns(userColumnName, itemColumnName, timestampColumnName, labelColumnName, profileColumnName),
        });

    /// <summary>Creates a trainer of a SASRec, the cloud model that is meant for sparse logs and large catalogues.</summary>
    /// <param name="trainers">The catalog.</param>
    /// <param name="options">The options.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentException">Options are out of range; the message names all of them.</exception>
    public static SasRecTrainer SasRec(this DeviceCloudTrainers trainers, SasRecTrainer.Options options)
    {
        ArgumentNullException.ThrowIfNull(trainers);
        ArgumentNullException.ThrowIfNull(options);
        return new SasRecTrainer(trainers.Environment, options);
    }

    /// <summary>Creates a trainer of one patch for every user.</summary>
    /// <param name="trainers">The catalog.</param>
    /// <param name="model">A model of DCCL, or a chain with one inside.</param>
    /// <param name="options">The options; null for the defaults.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentException">The model is none of DCCL, or options are out of range; the message names all of them.</exception>
    public static MetaPatchTrainer MetaPatch(
        this DeviceCloudTrainers trainers, ITransformer model, MetaPatchTrainer.Options? options = null)
    {
        ArgumentNullException.ThrowIfNull(trainers);
        ArgumentNullException.ThrowIfNull(model);
        return new MetaPatchTrainer(trainers.Environment, model, options ?? new MetaPatchTrainer.Options());
    }

    /// <summary>Creates an estimator that distils a fleet's patches back into its cloud model.</summary>
    /// <param name="trainers">The catalog.</param>
    /// <param name="model">A model with patches, or a chain with one inside.</param>
    /// <param name="options">The options; null for the defaults.</param>
    /// <returns>The estimator.</returns>
    /// <exception cref="ArgumentException">The model has no patches, or options are out of range; the message names all of them.</exception>
    public static MoMoDistillEstimator MoMoDistill(
        this DeviceCloudTrainers trainers, ITransformer model, MoMoDistillEstimator.Options? options = null)
    {
        ArgumentNullException.ThrowIfNull(trainers);
        ArgumentNullException.ThrowIfNull(model);
        return new MoMoDistillEstimator(trainers.Environment, model, options ?? new MoMoDistillEstimator.Options());
    }

    /// <summary>Creates a trainer that does everything on one log: cloud model, patches, distillation, patches.</summary>
    /// <param name="trainers">The catalog.</param>
    /// <param name="options">The options; null for the defaults.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentException">Options are out of range; the message names all of them.</exception>
    public static CollaborativeTrainer Collaborative(this DeviceCloudTrainers trainers, CollaborativeTrainer.Options? options = null)
    {
        ArgumentNullException.ThrowIfNull(trainers);
        return new CollaborativeTrainer(trainers.Environment, options ?? new CollaborativeTrainer.Options());
    }
}
