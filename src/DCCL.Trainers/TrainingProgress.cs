namespace DCCL.Trainers;

/// <summary>How far a run has come.</summary>
/// <param name="Stage">What is being done, such as "din", "metapatch: basis" or "momodistill: cloud model".</param>
/// <param name="Epoch">The epoch, from 1.</param>
/// <param name="NumberOfEpochs">The number of epochs at most.</param>
/// <param name="Fraction">The share of the epoch that is done, 0 to 1.</param>
/// <param name="Loss">The mean loss of the epoch, when it is over.</param>
/// <param name="ValidationMetric">
/// The metric that early stopping watches, higher is better, when the epoch is over and there is one: NDCG@10, or with labels the
/// reduction in log loss, 1 - log loss / entropy of the labels (1: perfect, 0: no better than the share of positives).
/// </param>
/// <param name="TimeLeft">The time to the last epoch, at the pace so far; early stopping may end the stage before.</param>
public sealed record TrainingProgress(
    string Stage, int Epoch, int NumberOfEpochs, double Fraction, double? Loss, double? ValidationMetric, TimeSpan? TimeLeft);
