// dotnet run -- [LOG] [--epochs N] [--out FILE]      trains on a log, evaluates, and writes the model
using System.Globalization;
using DCCL.ML.Data;
using DCCL.ML.Evaluation;
using Microsoft.ML;
using {{Name}} = {{Name}}Code.{{Name}};

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
string log = {{LogFile}};
string output = Path.Combine(Directory.GetCurrentDirectory(), "{{Name}}.mlnet");
int? epochs = null;
for (int i = 0; i < args.Length; i++)
{
    switch (args[i])
    {
        case "--epochs" when i + 1 < args.Length:
            epochs = int.Parse(args[++i], CultureInfo.InvariantCulture);
            break;
        case "--out" when i + 1 < args.Length:
            output = args[++i];
            break;
        default:
            log = args[i];
            break;
    }
}

MLContext ml = new(seed: {{Seed}});
IDataView events = {{Name}}.LoadLog(ml, log);
PeriodSplit periods = InteractionSplit.ByPeriods(events, {{Name}}.Columns);
ITransformer model = {{Name}}.Train(ml, events, periods.Cloud, epochs);
RankingReport report = {{Name}}.Evaluate(ml, model, periods.Test);
Console.WriteLine({{Name}}.Describe(report));
ml.Model.Save(model, events.Schema, output + ".tmp");
File.Move(output + ".tmp", output, overwrite: true);
Console.WriteLine($"Written: {output}");
