using DCCL.ML.Data;
using DCCL.ML.Evaluation;
using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace DCCL.ML;

/// <content>The evaluation.</content>
public sealed partial class DeviceCloudCatalog
{
    /// <summary>Evaluates how well a model ranks what users did next, each event among all items, with each user's patch.</summary>
    /// <remarks>
    /// <para>
    /// <see cref="ItemRankingEvaluator"/> says how. Rows of the test log whose user or item the model does not know are left out and
    /// counted in the report.
    /// </para>
    /// <para>
    /// Without a history log, the histories are those that the model remembers: the items that each user has had. The scores are the same,
    /// but what was shown and refused is then not masked. Give the log that the model was trained on to mask that, too.
    /// </para>
    /// </remarks>
    /// <param name="model">A DCCL transformer, or a model with one inside, whose other parts map the raw logs.</param>
    /// <param name="testLog">The test events, later than all that the model was trained on: raw, as the model takes them.</param>
    /// <param name="historyLog">
    /// All events before the test, raw, those that devices learnt on included; null for what the model remembers.
    /// </param>
    /// <param name="options">How; null for the defaults.</param>
    /// <returns>The report.</returns>
    /// <exception cref="ArgumentException">
    /// The model has no DCCL transformer; a column is missing, of another type, or mapped otherwise than the model's log; or the test begins before the history, or what the cloud model was
    /// fitted to, ends.
    /// </exception>
    public RankingReport EvaluateRanking(
        ITransformer model, IDataView testLog, IDataView? historyLog = null, RankingEvaluationOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(testLog);
        options ??= new RankingEvaluationOptions();
        options.Validate();
        DeviceCloudPredictionTransformer transformer = model.DeviceCloudModel();
        InteractionLog test = model.ReadLog(testLog, options.CancellationToken);
        InteractionLog history = historyLog is null
            ? Remember(transformer.History, transformer.Parameters.Architecture.NumberOfItems)
            : model.ReadLog(historyLog, options.CancellationToken);
        TestLogChecks.CheckCutoffs(transformer.History.Cutoffs, test);

        RankingReport report = ItemRankingEvaluator.Evaluate(transformer.Scorer, transformer.PatchSelector, history, test, options);
        (int unknownUsers, int unknownItems) = CountUnknown(model.TransformBeforeDeviceCloud(testLog), transformer, test.NumberOfDroppedEvents);
        report = report.WithUnknownEvents(unknownUsers, report.NumberOfUnknownItemEvents + unknownItems);
        Log(report);
        return report;
    }

    private void Log(RankingReport report)
    {
        using IChannel channel = Environment.Start(nameof(EvaluateRanking));
        if (report.NumberOfUnknownUserEvents + report.NumberOfUnknownItemEvents > 0)
        {
            channel.Warning(
                MessageSensitivity.None,
                $"{report.NumberOfUnknownUserEvents} test events of users and {report.NumberOfUnknownItemEvents} of items "
                + "that the model does not know were left out.");
        }

        if (report.IsSampled)
        {
            channel.Warning(MessageSensitivity.None, $"The figures are those of a sample of {report.Users.Count} of {report.NumberOfTestUsers} users.");
        }
    }

    private static InteractionLog Remember(BehaviorHistory history, int numberOfItems)
    {
        int[] users = new int[history.Items.Length];
        for (int user = 1; user <= history.NumberOfUsers; user++)
        {
            users.AsSpan(history.Offsets[user - 1]..history.Offsets[user]).Fill(user);
        }

        // Without times: the order is all that a model remembers.
        return InteractionLog.Create(
            history.NumberOfUsers,
            numberOfItems,
            users,
            history.Items.ToArray(),
            timestamps: null,
            labels: null,
            history.Profiles.ToArray(),
            history.ProfileDimension);
    }

    /// <summary>Tells the rows that were dropped for their user from those dropped for their item.</summary>
    private static (int Users, int Items) CountUnknown(IDataView events, DeviceCloudPredictionTransformer model, int numberOfDroppedEvents)
    {
        int users = 0;
        if (numberOfDroppedEvents > 0)
        {
            DataViewSchema.Column column = events.Schema[model.Columns.UserColumnName];
            using DataViewRowCursor cursor = events.GetRowCursor([column]);
            ValueGetter<uint> getter = cursor.GetGetter<uint>(column);
            uint user = 0;
            while (cursor.MoveNext())
            {
                getter(ref user);
                users += user == 0 || user > (uint)model.History.NumberOfUsers ? 1 : 0;
            }
        }

        return (users, numberOfDroppedEvents - users);
    }
}
