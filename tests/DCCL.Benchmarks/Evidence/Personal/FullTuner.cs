using DCCL.ML;
using DCCL.ML.Model;
using DCCL.Trainers;
using Microsoft.ML;
using Microsoft.ML.Data;
using QuickStart;

namespace DCCL.Benchmarks.Evidence.Personal;

/// <summary>Full fine-tuning: all weights of a copy of the cloud model, five epochs over the user's own device events.</summary>
/// <remarks>
/// By the public way to train a model on, which draws negatives that the user has not had. It refuses labels that are all positive: users who have
/// no others keep the cloud model. Not thread-safe.
/// </remarks>
internal sealed class FullTuner : IUserTuner
{
    private const int NumberOfEpochs = 5;
    private const int BatchSize = 32;

    private readonly MethodContext _context;
    private readonly ITransformer _model;
    private readonly Dictionary<int, Periods.EventRow[]> _rows;

    /// <param name="context">The run.</param>
    /// <param name="model">The model to begin with.</param>
    public FullTuner(MethodContext context, ITransformer model)
    {
        _context = context;
        _model = model;
        IEnumerable<Periods.EventRow> rows = context.Ml.Data.CreateEnumerable<Periods.EventRow>(
            context.Data.Device, reuseRowObject: false, ignoreMissingColumns: true);
        IEnumerable<uint> users = context.Data.Keys.Transform(context.Data.Device).GetColumn<uint>("User");
        _rows = users.Zip(rows).GroupBy(pair => (int)pair.First, pair => pair.Second)
            .ToDictionary(user => user.Key, user => user.OrderBy(row => row.Timestamp).ToArray());
    }

    public IReadOnlyList<double> Strengths => [1e-4, 5e-4, 2e-3];

    /// <summary>Gets the number of a user's device events.</summary>
    public int GetNumberOfEvents(int user) => _rows.GetValueOrDefault(user)?.Length ?? 0;

    public DeviceCloudModelParameters? Tune(int user, double strength, int withoutLast = 0)
    {
        Periods.EventRow[] rows = _rows.GetValueOrDefault(user) ?? [];
        rows = rows[..Math.Max(0, rows.Length - withoutLast)];
        if (rows.Length == 0 || (_context.Data.HasLabels && rows.All(row => row.Label)))
        {
            return null;
        }

        IDataView log = _context.Ml.Data.LoadFromEnumerable(rows, _context.Data.Device.Schema);
        TrainingRunOptions run = new()
        {
            Seed = _context.Seed,
            NumberOfThreads = 1,
            CancellationToken = _context.Cancellation,
        };
        ITransformer tuned = _context.Options.Backbone == EvidenceOptions.SasRec
            ? _context.Ml.DeviceCloud().Trainers.SasRec(new SasRecTrainer.Options
            {
                Columns = _context.Data.Columns,
                NumberOfEpochs = NumberOfEpochs,
                NumberOfValidationUsers = 0,
                LearningRate = strength,
                BatchSize = BatchSize,
                Run = run,
            }).Fit(log, _model)
            : _context.Ml.DeviceCloud().Trainers.Din(new DinTrainer.Options
            {
                Columns = _context.Data.Columns,
                NumberOfEpochs = NumberOfEpochs,
                NumberOfValidationUsers = 0,
                LearningRate = strength,
                BatchSize = BatchSize,
                Run = run,
            }).Fit(log, _model);
        using DCCL.ML.Scoring.DeviceCloudPredictionTransformer transformer = tuned.DeviceCloudModel();
        return transformer.Parameters;
    }

    public void Dispose()
    {
    }
}
