using DCCL.ML;
using Microsoft.ML;

namespace DCCL.Trainers;

/// <content>Training that goes on from a previous model.</content>
public sealed partial class DinTrainer
{
    /// <summary>Trains a previous model on with new data. Users and items that it does not know are added; all others stay.</summary>
    /// <remarks>
    /// <para>
    /// Given a chain, such as a mapping of ids to keys with a DCCL transformer behind it, the data are the raw log: the chain's key mappings grow by the new
    /// ids (<see cref="DeviceCloudExtensions.WithGrownKeys"/>), old keys stay, and a chain of the same form comes out. Given a DCCL transformer
    /// alone, the data have keys already, from any mapping: raw ids tell who is who. Keys then are those of the data, and users and items of the
    /// previous model that the data's mapping does not have stand behind them.
    /// </para>
    /// <para>
    /// The model learns from all events of the data, whose histories begin with what the previous model remembers: pass the events since then, and more
    /// of the log if it should not forget. The network must be the previous model's. Patches are learnt on one cloud model and fit no other: they are not
    /// taken over. Run MetaPatch on the result; or, where patches should go on, retrain with MoMoDistill, which migrates them.
    /// </para>
    /// </remarks>
    /// <param name="trainingData">The new data.</param>
    /// <param name="previousModel">A DCCL transformer, or a chain with one inside.</param>
    /// <param name="validationData">Later events of the same form, for early stopping; null to hold out some of the new data's own.</param>
    /// <returns>The model, of the same form as the previous one.</returns>
    /// <exception cref="ArgumentException">
    /// The previous model is none of DCCL, or of another shape than the options say; a column is missing or of another type; or the
    /// data cannot teach anything.
    /// </exception>
    /// <exception cref="InvalidDataException">A value of a log cannot be.</exception>
    /// <exception cref="OperationCanceledException">Cancelled before the end of the first epoch.</exception>
    /// <exception cref="CheckpointException">There is a checkpoint, but none of this run.</exception>
    public ITransformer Fit(IDataView trainingData, ITransformer previousModel, IDataView? validationData = null) =>
        _fit.Fit(trainingData, previousModel, validationData);
}
